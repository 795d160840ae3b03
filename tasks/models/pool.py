"""Which of several models is asked: a cost-aware bandit, computed anew from the records each time.

Thompson sampling. A model's worth is drawn from a Beta distribution that its past calls have narrowed, and divided by
what its calls cost beside the others'. Before there are any, the draws of Beta(weight, 1) are the largest exactly in
proportion to the weights. All chance comes from the seed: the same records and seed give the same model.
"""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from archdb import ModelAttempt, Outline
from tasks.models.choice import Model


class Pull(NamedTuple):
    """What one call brought a model."""

    model: str
    reward: float | None  # from 0 to 1; None: it is not known yet
    dollars: float


def choose(models: Sequence[Model], pulls: Sequence[Pull], seed: str) -> Model:
    """The model to ask.

    Args:
        models: of the role, at least one.
        pulls: what their calls brought so far, in any order.
        seed: the root of all chance.
    """
    chance, costs = random.Random(seed), _mean_costs(pulls)
    typical = sum(costs.values()) / len(costs) if costs else 0.0
    total = sum(one.weight for one in models)
    drawn = []
    for place, one in enumerate(models):
        rewards = [pull.reward for pull in pulls if pull.model == one.name and pull.reward is not None]
        won, lost = sum(rewards), len(rewards) - sum(rewards)
        worth = chance.betavariate(one.weight * len(models) / total + won, 1.0 + lost)
        # a typical call is added to each price, for what a cycle costs besides: a free model is better, not infinitely
        price = 1.0 + (costs.get(one.name, typical) / typical if typical else 1.0)
        drawn.append((worth / price, -place))
    return models[-max(drawn)[1]]


def pulls_of(attempts: Sequence[ModelAttempt], designs: Sequence[Outline]) -> list[Pull]:
    """What the calls of one role brought, from its recorded attempts and its campaign's ended designs.

    The model that answered gets the share of finished designs that its own is at least as fit as; a failed design gets
    0, and one in flight nothing yet. A model that was asked in vain gets 0.
    """
    standing = _standings(designs)
    groups: dict[tuple[str, str], list[ModelAttempt]] = defaultdict(list)
    for one in attempts:
        if one.model:
            groups[one.call, one.model].append(one)
    return [
        Pull(
            model,
            standing.get(tried[-1].experiment) if tried[-1].kind == "answered" else 0.0,
            sum(one.dollars or 0.0 for one in tried),
        )
        for (_, model), tried in groups.items()
    ]


def _standings(designs: Sequence[Outline]) -> Mapping[str, float]:
    ended = {one.id: one.fitness for one in designs if one.state != "open"}
    fit = [one for one in ended.values() if one is not None]
    return {
        name: 0.0 if mine is None else sum(other <= mine for other in fit) / len(fit) for name, mine in ended.items()
    }


def _mean_costs(pulls: Sequence[Pull]) -> dict[str, float]:
    spent: dict[str, list[float]] = defaultdict(list)
    for one in pulls:
        spent[one.model].append(one.dollars)
    return {model: sum(costs) / len(costs) for model, costs in spent.items()}
