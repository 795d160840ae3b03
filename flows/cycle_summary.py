"""A cycle and a campaign in Markdown, as Prefect's pages show them: how it came out, what changed, where to look.

Names, motivations and analyses may be a model's words: they can lay out text, and neither link nor embed anything,
though Prefect's pages turn bare addresses into links: these are broken by a sign without width.
"""

import re
from collections.abc import Sequence

from archdb import Campaign, Experiment, Outline, Store, get_experiment, get_text, leaderboard, list_calls
from flows.mlflow_server import campaign_page, run_page
from flows.report_folder import report_folder
from tasks.domain import domain_of
from tasks.run_end import changed

MOST_TEXT = 4000  # signs of an analysis
ADDRESS = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)  # where one can be broken
NO_WIDTH = "\u200b"
FEW = 5  # designs of a campaign's summary
SHOWN = ("prefill_seconds", "decode_seconds", "peak_bytes")  # measures that a summary shows


def cycle_summary(store: Store, campaign: Campaign, one: Experiment) -> str:
    """How a cycle came out, against its parent and the reference."""
    parent = get_experiment(store, one.parents[0]) if one.parents else None
    parts = [f"# {_plain(one.name)}", _sentence(one, parent)]
    if one.failure is not None:
        parts.append(f"**{_plain(one.failure.kind)}**: {_plain(one.failure.message)} {_plain(one.failure.remedy)}")
    if parent is not None:
        parts.append(_changes(parent, one))
    parts += [_scores(campaign, one, parent), _cost(store, one), _links(campaign, one)]
    if one.analysis:
        parts += ["## What was learned", _harmless(get_text(store, one.analysis))[:MOST_TEXT]]
    return "\n\n".join(part for part in parts if part)


def campaign_summary(store: Store, campaign: Campaign, report: str) -> str:
    """The best designs of a campaign, and where its report and its runs are."""
    best = leaderboard(store, campaign.id, FEW)
    return "\n\n".join(
        [
            f"# Campaign {_plain(campaign.id)}",
            f"{campaign.cycles} cycles at the {campaign.scale} scale, by the {campaign.provider} provider, on "
            f"{_plain(campaign.dataset)}.",
            _table(("", "design", "fitness"), [_place(rank, one) for rank, one in enumerate(best, 1)]),
            f"- Report: `{report}`\n- [All runs in MLflow]({campaign_page(campaign)}) (`archloop up` serves it)",
        ]
    )


def _place(rank: int, one: Outline) -> tuple[str, ...]:
    return str(rank), f"{one.id} {_plain(one.name)}", _signed(one.fitness)


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.3f}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _sentence(one: Experiment, parent: Experiment | None) -> str:
    told = f"`{one.id}`"
    if parent is not None:
        told += f", from `{parent.id}` ({_plain(parent.name)})"
    if one.failure is not None:
        return f"{told}: failed in {one.failure.stage}."
    if one.fitness is None:
        return f"{told}: {one.state}."
    told += f": fitness **{_signed(one.fitness)}**"
    if parent is not None and parent.fitness is not None:
        told += f", {_signed(one.fitness - parent.fitness)} over its parent"
    return f"{told} (0 is the reference)."


def _changes(parent: Experiment, one: Experiment) -> str:
    slots = changed(parent, one)
    return "Changed: " + ", ".join(f"`{_code(slot)}`" for slot in slots.split("; ")) + "." if slots else ""


def _scores(campaign: Campaign, one: Experiment, parent: Experiment | None) -> str:
    if not one.objectives:
        return ""
    domain = domain_of(campaign.domain)
    rows = []
    for name, objective in domain.objectives_of(campaign.scale).items():
        if name in one.objectives:
            before = parent.objectives.get(name) if parent else None
            gain = _signed(one.gains.get(name))
            rows.append((f"{objective.title} ({objective.unit})", _number(one.objectives[name]), _number(before), gain))
    for name in SHOWN:
        if name in one.efficiency and name in domain.MEASURES:
            before = parent.efficiency.get(name) if parent else None
            measure = domain.MEASURES[name]
            rows.append((f"{measure.title} ({measure.unit})", _number(one.efficiency[name]), _number(before), ""))
    return _table(("", "design", "parent", "gain over the reference"), rows)


def _cost(store: Store, one: Experiment) -> str:
    told = f"Cost: {one.cpu_seconds:.1f} CPU-seconds"
    calls = list_calls(store, one.id)
    if calls:
        tokens = sum(call.prompt_tokens + call.completion_tokens for call in calls)
        models = ", ".join(sorted({call.model for call in calls if call.model}))
        told += f", {len(calls)} calls of {_plain(models)} with {tokens:,} tokens"
        known = [call.dollars for call in calls if call.dollars is not None]
        told += f" for ${sum(known):.4f}" if known else ""
    return told + "."


def _links(campaign: Campaign, one: Experiment) -> str:
    told = []
    if one.mlflow_run:
        told.append(f"- [Run in MLflow]({run_page(campaign, one.mlflow_run)}) (`archloop up` serves it)")
    told.append(f"- Report, once it is written: `{report_folder(campaign.id) / 'index.html'}`")
    return "\n".join([*told, f"- In a terminal: `archloop show {one.id} -c {campaign.id}`"])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plain(text: str) -> str:
    """Text that means nothing to Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>()#|~!])", r"\\\1", _unlinked(" ".join(text.split())))


def _code(text: str) -> str:
    return _unlinked(text.replace("`", "'"))


def _harmless(text: str) -> str:
    """Markdown without tags, links and images."""
    return _unlinked(text.replace("<", "&lt;").replace("](", "] (").replace("]:", "] :").replace("][", "] ["))


def _unlinked(text: str) -> str:
    """Text in which no page finds an address of the web or of mail."""
    return ADDRESS.sub(NO_WIDTH, text)
