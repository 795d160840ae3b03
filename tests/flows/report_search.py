"""A planted search for the tests of what the report says of a whole campaign: what matters in it is known."""

import random

from archdb import (
    Campaign,
    Experiment,
    Failed,
    Stage,
    Store,
    get_campaign,
    get_experiment,
    open_campaign,
    put_report,
    set_panel,
)
from archdb.outlines import record_outlines
from archdb.records import document
from evaluation import ComponentEffect

NAME, FAMILIES, CHILDREN = "search", 24, 4
OBJECTIVES = ("text_bpb", "recall_loss", "copy_loss")
SLOTS = {"decay": ("none", "fixed", "learned"), "key_norm": ("none", "l2"), "gate": ("none", "silu")}
WORTH = 1.5  # of a fixed decay, in recall alone
ROOTS = {"gated_deltanet": 0.0, "gla": 0.2, "softmax_attention": 0.9}
HOSTILE = "=1+1 </script><script>steal()</script>"  # in a name
PAPERS = ("arXiv:2412.06464", "arXiv:2312.06635")


def record_search(store: Store, cycles: int = FAMILIES * CHILDREN) -> Campaign:
    """Baselines; groups of four children of one parent, of which every eighth fails; and one knock-out."""
    open_campaign(
        store, Campaign(id=NAME, scale="nano", provider="grammar", cycles=cycles, families=("gated_deltanet", "gla"))
    )
    tags = {"gated_deltanet": ("reference",), "softmax_attention": ("quadratic",)}
    made = [
        _design(name, kind="baseline", name=name, tags=tags.get(name, ()), fitness=fitness, finished_at=1.0)
        for name, fitness in ROOTS.items()
    ]
    panel = {name: dict.fromkeys(OBJECTIVES, 2.0) for name in ROOTS}
    set_panel(store, NAME, {"reference": {name: [2.0, 2.1, 1.9] for name in OBJECTIVES}, "baselines": panel}, 60.0)
    chance = random.Random(0)
    parents = made[:2]
    for number in range(cycles):
        if number % CHILDREN == 0:
            parent = chance.choice(parents)
        one = _child(number + 1, parent, chance)
        parents = ([*parents, one] if one.fitness is not None else parents)[-30:]
        made.append(one)
    best = max(made[3:], key=lambda one: one.fitness or -9.0)
    made.append(_knock_out(store, best))
    asked = Stage(stage="analyze", started_at=1.0, seconds=1.0, summary={"ablations": {made[-1].id: "decay"}})
    made[made.index(best)] = best.model_copy(update={"stages": best.stages | {"analyze:0": asked}})
    store.experiments.insert_many([document(one) for one in made])
    record_outlines(store, made)
    return get_campaign(store, NAME)


def _design(tail: str, **fields: object) -> Experiment:
    efficiency = {"decode_seconds": 0.001, "claimed_state_bytes_per_layer": 8192.0}
    known = {"campaign": NAME, "state": "done", "cpu_seconds": 60.0, "efficiency": efficiency}
    gains = dict.fromkeys(OBJECTIVES, fields["fitness"]) if fields.get("fitness") is not None else {}
    return Experiment.model_validate(known | {"id": f"{NAME}-{tail}", "gains": gains} | fields)


def _child(number: int, parent: Experiment, chance: random.Random) -> Experiment:
    made = {slot: chance.choice(choices) for slot, choices in SLOTS.items()}
    gains = {name: chance.gauss(-0.3, 0.3) for name in OBJECTIVES}
    gains["recall_loss"] += WORTH * (made["decay"] == "fixed")
    used = PAPERS[number % 2]
    proposed = Stage(
        stage="propose", started_at=1.0, seconds=1.0, summary={"query": "recall", "retrieved": PAPERS, "used": [used]}
    )
    known: dict[str, object] = {
        "kind": "candidate", "cycle": number, "name": f"N{number}" if number > 1 else HOSTILE, "components": made,
        "parents": (parent.id,), "path": (*parent.path, parent.id), "finished_at": 100.0 + number,
        "cpu_seconds": chance.uniform(50, 90), "stages": {"propose:0": proposed},
    }  # fmt: skip
    if number % 8 == 0:
        failure = Failed(stage="gpu-train", kind="too_slow", message="Too slow.")
        return _design(f"c{number:03d}", **known, state="failed", failure=failure, gains={}, efficiency={})
    efficiency = {
        "decode_seconds": chance.uniform(0.0005, 0.002),
        "claimed_state_bytes_per_layer": float(chance.choice([2048, 8192, 65536, 131072])),
    }
    objectives = {name: 2.0 - gain / 10 for name, gain in gains.items()}
    fitness = sum(gains.values()) / 3
    scores = {"fitness": fitness, "gains": gains, "objectives": objectives, "efficiency": efficiency}
    return _design(f"c{number:03d}", **known, **scores)


def _knock_out(store: Store, of: Experiment) -> Experiment:
    effect = {"difference": 0.4, "low": 0.1, "high": 0.7}
    told = {"component": "decay", "seeds": 1, "fitness": effect, "objectives": {}}
    report = ComponentEffect.model_validate(told)
    body = put_report(store, "ComponentEffect", 1, report.model_dump(mode="json"))
    analysed = Stage(stage="analyze", started_at=1.0, seconds=1.0, report=body)
    tail = f"{of.id.removeprefix(f'{NAME}-')}-without-decay"
    return _design(
        tail, kind="ablation", name="without", cycle=of.cycle, parents=(of.id,), path=(*of.path, of.id),
        stages={"analyze:0": analysed}, finished_at=500.0,
    )  # fmt: skip


def stored(store: Store, name: str) -> Experiment:
    """An experiment of the search, by its id or the part of it behind the campaign's name."""
    return get_experiment(store, name if name.startswith(NAME) else f"{NAME}-{name}")
