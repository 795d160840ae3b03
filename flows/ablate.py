"""Knock components out of a design, as its Analyst has asked for: each an experiment with a lease of its own."""

from functools import partial

from archdb import find_experiments, get_experiment, open_store
from flows.given_design import check_and_evaluate
from flows.leased import working_on
from flows.within_budget import within_budget
from tasks.ablate import knock_out, tell_effect
from tasks.asked_ablations import ablations_of


def ablate(design_id: str) -> bool:
    """Go through the ablations of an analysed design that are not finished; its own lease is not needed for that.

    One that fails ends with its reason and stops nothing. One that another worker has is left to it.

    Returns:
        Whether there was anything to do for this worker.
    """
    store = open_store()
    worked = False
    for one in find_experiments(store, list(ablations_of(get_experiment(store, design_id)))):
        with working_on(one) as token:
            if token is not None:
                worked = True
                within_budget(partial(knock_out, one.id, token), one, token)
                check_and_evaluate(one.id, token)
                within_budget(partial(tell_effect, one.id, token), one, token)
    return worked
