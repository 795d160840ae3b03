"""``archloop run``: start a campaign or go on with it, and watch it."""

import contextlib
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.asked import AsJson, Refused, ScaleName, console_for, print_json
from flows.cli.budget import CpuHours, Dollars, GpuHours, Tokens, caps_asked
from flows.cli.replay import given_options, is_replay, replay_of_campaign, replay_of_file

if TYPE_CHECKING:
    from archdb import Campaign
    from archdb.governance import Rule

# Prefect's own lines would tear the display; they are kept in its UI, where each run's log can be read.
os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")


def run(
    context: typer.Context,
    campaign: Annotated[
        str,
        typer.Option(
            "--campaign", "-c", "--name", help="The campaign's name; a replay has the recorded one if left out."
        ),
    ] = "default",
    cycles: Annotated[int, typer.Option(min=0, help="How many cycles the campaign shall have in all.")] = 8,
    scale: ScaleName = "nano",
    provider: Annotated[str, typer.Option(help="Who proposes, writes and analyzes designs.")] = "grammar",
    domain: Annotated[
        str, typer.Option(metavar="MODULE", help="What checks, trains and scores designs: see docs/own-domain.md.")
    ] = "evaluation",  # tasks.domain.OWN_DOMAIN, which is not imported for --help
    parallel: Annotated[
        int | None,
        typer.Option(
            min=1, help="Designs evaluated at a time, within Prefect's gpu-slot limit.", show_default="2, of a replay 1"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="The root of all chance in proposals.")] = 0,
    baseline: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A published design to train besides the default ones; may be repeated."),
    ] = None,
    families: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A published design from which the search starts, all that are trained if left out; may be repeated: "
            "see docs/search.md.",
        ),
    ] = None,
    parents_from: Annotated[
        str,
        typer.Option(metavar="CAMPAIGN", help="An imported campaign: its designs with a program may be improved, too."),
    ] = "",
    sampler: Annotated[
        str, typer.Option(metavar="NAME", help="Who chooses parents, fixed when a campaign starts: see docs/search.md.")
    ] = "",
    model: Annotated[
        str, typer.Option(metavar="NAME", help="The model to ask, of a provider that asks one: see docs/agents.md.")
    ] = "",
    ablations: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="The most components to knock out of one good design, each a training; fixed when a campaign starts, "
            "1 if left out: see docs/ablations.md.",
        ),
    ] = None,
    cassette: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What to run again, with --provider replay: see docs/cassettes.md."),
    ] = None,
    approvals: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="How many people approve the start and each verification; fixed when a campaign starts, "
            "ARCHLOOP_APPROVALS or 0 if left out: see docs/control.md.",
        ),
    ] = None,
    approver: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Who may approve; may be repeated. ARCHLOOP_APPROVERS or anyone if none."),
    ] = None,
    max_cpu_hours: CpuHours = None,
    max_gpu_hours: GpuHours = None,
    max_tokens: Tokens = None,
    max_dollars: Dollars = None,
    as_json: AsJson = False,
) -> None:
    """Run a campaign: baselines, then cycles of propose, write, check, train, benchmark and analyze, then a report.

    A budget that is used up ends it with a sentence; it goes on from there once the cap is raised.
    The same command goes on with a campaign that was stopped or killed; with more cycles it extends one that is done.
    """
    from archdb.governance import rule_from

    rule = rule_from(approvals, tuple(approver or ())) if approvals is not None or approver else None
    console, given = console_for(as_json), given_options(context)
    replaying = is_replay(given)
    replay = replay_of_file(cassette, given, rule) if cassette is not None else None
    wanted = replay.campaign if replay else None
    if not replaying:
        wanted = checked_settings(
            campaign, cycles, scale, provider, seed, baseline or (), parents_from, sampler, model, ablations, rule,
            families or (), domain,
        )  # fmt: skip
    caps = caps_asked(max_cpu_hours, max_gpu_hours, max_tokens, max_dollars)
    with console.status("Starting the store and the Prefect server"):
        address = start()
        from archdb import open_store
        from archdb.copies import keep_cassette
        from flows.campaign import campaign as campaign_flow
        from flows.imported_parents import check_parents_from
        from flows.settings import open_checked

        if replaying:
            replay = replay or replay_of_campaign(open_store(), given, rule)
            wanted, sampler = replay.campaign, ""
            keep_cassette(open_store(), replay.cassette, replay.texts)
        assert wanted is not None
        check_parents_from(open_store(), wanted.parents_from)
        record = open_checked(open_store(), wanted, sampler, caps, None if replaying else ablations, rule)
    from flows.cli.live import Display
    from flows.cli.outcome import print_outcome
    from flows.wanted_baselines import baseline_trainings
    from tasks.domain import domain_of

    objectives, trainings = domain_of(record.domain).objectives_of(record.scale), baseline_trainings(record)
    workers = parallel or (1 if replaying else 2)  # a replay in the recorded order, unless somebody wants otherwise
    with interruptible(), Display(console, record.id, workers, objectives, trainings, address):
        report = campaign_flow(
            record.id, record.cycles, record.scale, record.provider, workers, record.seed, record.domain, model=model,
            cassette=record.cassette,
        )  # fmt: skip
    outcome = print_outcome(console, record.id, report)
    if as_json:
        print_json(outcome)


def checked_settings(
    campaign: str,
    cycles: int,
    scale: str,
    provider: str,
    seed: int,
    baselines: Sequence[str] = (),
    parents_from: str = "",
    sampler: str = "",
    model: str = "",
    ablations: int | None = None,
    rule: "Rule | None" = None,
    families: Sequence[str] = (),
    domain: str = "evaluation",
) -> "Campaign":
    """The campaign's record, before anything is started.

    Raises:
        Refused: a setting is not one that there is.
    """
    from flows.settings import campaign_record

    try:
        return campaign_record(
            campaign,
            cycles,
            scale,
            provider,
            seed,
            domain,
            baselines,
            parents_from,
            sampler,
            model,
            ablations,
            rule,
            families,
        )
    except ValueError as fault:
        raise Refused(str(fault)) from fault


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C as archloop's own ending, with its sentence, instead of the command line library's."""
    from tasks.faults import Stopped

    try:
        yield
    except KeyboardInterrupt:
        raise Stopped from None


def start() -> str:
    """Make the data folder, the store and Prefect ready, and let Ctrl-C stop children. Returns Prefect's address."""
    from archdb import open_store, prepare_home
    from flows.prefect_server import use_prefect
    from tasks.sandbox.jail import stop_everything

    prepare_home()
    open_store()
    address = use_prefect()

    def stop(*_: object) -> None:
        if stop_everything.is_set():
            os._exit(130)  # asked twice: children die with this process
        stop_everything.set()
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, stop)
    return address
