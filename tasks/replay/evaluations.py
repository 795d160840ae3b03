"""What a stage would find out at some cost, looked up in the campaign's cassette first."""

from archdb import Experiment, Store, get_campaign
from archdb.copies import HeldEvaluation
from tasks.replay.playing import played


def recorded_evaluation(
    store: Store, experiment: Experiment, stage: str, attempt: int, seed: int | None
) -> HeldEvaluation | None:
    """The recorded result of this stage for the program that the experiment has now; None where there is no such one,
    and in campaigns that replay nothing.
    """
    play = played(store, get_campaign(store, experiment.campaign))
    return None if play is None else play.evaluation(experiment, stage, attempt, seed)
