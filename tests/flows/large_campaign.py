"""A campaign of as many designs as a test wants, as the archive holds one after real cycles, put there in bulk.

Programs, components and names are the grammar's own; scores are drawn, since nothing is trained. The tree is a
search's: each design changes its first parent, better ones have more children, one in eight fails, and some have an
ablation. The first candidate's texts are markup and scripts.
"""

import hashlib
import random
from collections.abc import Mapping

from archdb import Campaign, Experiment, Finding, Stage, Store, get_campaign, open_campaign
from archdb.blobs import put_texts, report_text
from archdb.bulk import insert_absent
from archdb.outlines import record_outlines
from archdb.records import Failed, document
from evaluation import BenchmarkReport, CheckReport, Panel, TrainReport, component_effect, fitness
from evaluation.reports import Report, Verdict
from tasks.agents.grammar.ancestors import BASELINES
from tasks.agents.grammar.compose import compose
from tasks.agents.grammar.evolve import difference, mutate
from tasks.agents.grammar.naming import name_of, sentence_of
from tasks.agents.grammar.space import Design
from tests.flows.report_campaign import HOSTILE, SCORES, seed_baselines

PROPERTIES = ("shape", "causality", "samples apart", "length", "work per token", "decoding", "gradients", "parameters")
NAMES = ("text_bpb", "recall_loss", "copy_loss")
PLAIN = (2.45, 1.1, 0.7)  # scores of a root
YOUNG = 60  # designs of a family that may still have children
FAILING, ABLATED = 8, 40  # every so many designs
SLOW = Failed(stage="gpu-train", kind="too_slow", message="It used 211 CPU-seconds.", remedy="Use chunked kernels.")
BEGUN = 1_700_000_000.0


def record_large(store: Store, name: str, size: int, seed: int = 0) -> Campaign:
    """Three baselines that are measured as usual, and ``size`` designs that descend from some more."""
    open_campaign(
        store, Campaign(id=name, scale="nano", provider="grammar", cycles=size, seed=seed, dataset="books 8c1f")
    )
    seed_baselines(store, name)
    panel = Panel.model_validate(get_campaign(store, name).panel)
    grown = _Grown(name, panel, random.Random(seed))
    for number in range(size):
        grown.add(number)
    grown.taint()
    put_texts(store, list(grown.texts.values()))
    insert_absent(store.experiments, [document(one) for one in grown.made])
    for start in range(0, len(grown.made), 200):
        record_outlines(store, grown.made[start : start + 200])
    insert_absent(store.findings, [document(one) for one in grown.findings])
    return get_campaign(store, name)


class _Grown:
    def __init__(self, campaign: str, panel: Panel, rng: random.Random) -> None:
        self.campaign, self.panel, self.rng = campaign, panel, rng
        self.texts: dict[str, str] = {}
        self.made: list[Experiment] = []
        self.findings: list[Finding] = []
        self.families: dict[str, list[tuple[Experiment, Design]]] = {}
        self.clock = BEGUN
        for root, design in BASELINES.items():
            if root not in SCORES:
                self._root(root, design)

    def add(self, number: int) -> None:
        rng = self.rng
        family = rng.choice(list(self.families))
        known = self.families[family][-YOUNG:]
        parent, before = rng.choices(known, weights=[2.0 ** (3 * (one.fitness or 0.0)) for one, _ in known])[0]
        design = mutate(before, rng, n=rng.choice((1, 1, 2, 3)))
        changes = ", ".join(f"{slot} from {old} to {new}" for slot, (old, new) in difference(before, design).items())
        motivation = (
            f"{sentence_of(design)}\n\nIt starts from **{parent.name}** and changes {changes or 'its initialisation'}. "
            f"Designs with a longer memory recalled more, {rng.choice(('arXiv:2412.06464', 'arXiv:2312.06635'))} says, "
            f"and number {number} asks whether that holds here, too."
        )
        scores = tuple(
            0.9 * old + 0.1 * level + rng.gauss(0.0, 0.03 * old)  # children resemble parents, and regress to the plain
            for old, level in zip(parent.objectives.values(), PLAIN, strict=True)
        )
        one = self._experiment(
            f"{self.campaign}-c{number + 1:04d}", "candidate", name_of(design), design, scores,
            parent=parent, cycle=number + 1, failed=number % FAILING == FAILING - 1, motivation=motivation,
        )  # fmt: skip
        if one.failure is None:
            self.families[family].append((one, design))
            if number % ABLATED == 0:
                self._ablate(one, design)

    def taint(self) -> None:
        """Make the texts of the first candidate hostile: its name, why it was proposed, and a component."""
        place = next(place for place, one in enumerate(self.made) if one.kind == "candidate")
        one = self.made[place]
        texts = {"name": HOSTILE, "motivation": self._kept(HOSTILE), "components": one.components | {"decay": HOSTILE}}
        self.made[place] = one.model_copy(update=texts)

    def _root(self, root: str, design: Design) -> None:
        scores = tuple(self.rng.gauss(score, 0.04 * score) for score in PLAIN)
        self.families[root] = [(self._experiment(f"{self.campaign}-{root}", "baseline", root, design, scores), design)]

    def _experiment(
        self, name: str, kind: str, title: str, design: Design, scores: tuple[float, ...],
        parent: Experiment | None = None, cycle: int | None = None, failed: bool = False, motivation: str = "",
    ) -> Experiment:  # fmt: skip
        found = fitness(dict(zip(NAMES, scores, strict=True)), self.panel)
        verdicts = tuple(
            Verdict(property=one, verdict="pass", evidence=f"40 prefixes agree within {self.rng.random():.1e}")
            for one in PROPERTIES
        )
        common = {"scale": "nano", "parameters": self.rng.randrange(138_000, 142_000)}
        stages = [
            self._stage("propose", summary={"query": f"what follows {title}", "retrieved": ["arXiv:2412.06464"],
                                            "used": ["decay=fixed"]}),
            self._stage("codegen", summary={"note": "as proposed"}),
            self._stage("compile-check", CheckReport.model_validate(
                common | {"verdicts": verdicts, "reference_parameters": 140_000, "cpu_seconds": 5.0,
                          "sandbox": {"seccomp": "on (37 calls)"}}),
                {"cpu_seconds": 5.0, "parameters": common["parameters"]}),
        ]  # fmt: skip
        if failed:
            stages.append(self._stage("gpu-train", None, {"cpu_seconds": 211.0}, seed=0, failure=SLOW))
        else:
            stages += self._measured(common, dict(zip(NAMES, scores, strict=True)))
            stages.append(self._stage("analyze", found))
        one = Experiment(
            id=name, campaign=self.campaign, kind=kind, name=title, cycle=cycle, created_at=self.clock,
            parents=(parent.id,) if parent else (), path=(*parent.path, parent.id) if parent else (),
            state="failed" if failed else "done", code=self._kept(compose(design, title, motivation[:90])),
            components=design.choices if parent else {}, motivation=self._kept(motivation) if motivation else None,
            analysis=None if failed else self._kept(f"{title} **helped** at {found.value:+.2f}; see its parent."),
            objectives={} if failed else dict(zip(NAMES, scores, strict=True)), fitness=None if failed else found.value,
            gains={} if failed else {name: gain.normalised for name, gain in found.gains.items()},
            details={} if failed else {f"recall_{size}_accuracy": self.rng.random() for size in (4, 8, 16, 32)},
            efficiency={} if failed else {"decode_seconds": 0.001, "prefill_seconds": self.rng.uniform(0.05, 0.2)},
            cpu_seconds=sum(float(stage.summary.get("cpu_seconds", 0.0)) for stage in stages),
            failure=SLOW if failed else None, finished_at=self.clock, stages={stage.key: stage for stage in stages},
        )  # fmt: skip
        self.made.append(one)
        if not failed and parent:
            self.findings.append(
                Finding(id=f"{name}/finding-0", campaign=self.campaign, text=f"{title}: {motivation[:80]}",
                        evidence=(name, parent.id), effect=found.value - (parent.fitness or 0.0))
            )  # fmt: skip
        return one

    def _measured(self, common: dict[str, object], scores: dict[str, float]) -> list[Stage]:
        level = scores["text_bpb"]
        curves = {
            "text": tuple((step, round(level * 0.69 + 4 / step**0.7, 4)) for step in range(1, 451, 10)),
            "recall": tuple((step, round(scores["recall_loss"] + 4 / step, 4)) for step in range(1, 451, 10)),
            "copy": tuple((step, round(scores["copy_loss"] + 3 / step, 4)) for step in range(1, 451, 10)),
        }
        cost = round(self.rng.uniform(50, 110), 2)
        trained = TrainReport.model_validate(
            common | {"seed": 0, "tokens": 2_150_400, "cpu_seconds": cost, "peak_bytes": 3 * 10**8, "curves": curves}
        )
        scored = BenchmarkReport(scale="nano", seed=0, objectives=scores, cpu_seconds=4.0)
        return [
            self._stage("gpu-train", trained, {"cpu_seconds": cost}, seed=0),
            self._stage("benchmark", scored, {"objectives": scores, "cpu_seconds": 4.0}, seed=0),
            self._stage("score"),
        ]

    def _ablate(self, design: Experiment, grammar: Design) -> None:
        slot = next(slot for slot, choice in grammar.choices.items() if choice not in ("none", "one"))
        name = f"{design.id}-without-{slot.replace('_', '-')}"
        less = {one: score * self.rng.gauss(1.02, 0.02) for one, score in design.objectives.items()}
        effect = component_effect(slot, [design.objectives], [less], self.panel)
        stage = self._stage("analyze", effect)
        self.made.append(
            Experiment(id=name, campaign=self.campaign, kind="ablation", name=f"{design.name} without {slot}",
                       cycle=design.cycle, parents=(design.id,), path=(*design.path, design.id), state="done",
                       objectives=less, cpu_seconds=70.0, finished_at=self.clock, stages={stage.key: stage})
        )  # fmt: skip
        asked = design.stages["analyze:0"].model_copy(update={"summary": {"ablations": {name: slot}}})
        place = next(place for place, one in enumerate(self.made) if one.id == design.id)
        self.made[place] = design.model_copy(update={"stages": design.stages | {"analyze:0": asked}})

    def _stage(
        self, stage: str, report: Report | None = None, summary: Mapping[str, object] = {}, **fields: object
    ) -> Stage:
        self.clock += 10.0
        kept = self._kept(report_text(type(report).__name__, 1, report.model_dump(mode="json"))) if report else None
        values = {"stage": stage, "started_at": self.clock, "seconds": 9.5, "report": kept, "summary": summary,
                  "flow_run": "0b2f6c1e-7d5f-4a53-9c0e-2f7c1f5b3a11"}  # fmt: skip
        return Stage.model_validate(values | fields)

    def _kept(self, text: str) -> str:
        digest = hashlib.sha256(text.encode()).hexdigest()
        self.texts[digest] = text
        return digest
