"""A campaign: its baselines, then its cycles, some at a time, then the report."""

from functools import partial

from prefect import flow

from archdb import get_campaign, open_store
from archdb.copies import find_cassette
from archdb.governance import rule_from
from flows.announcing import at_work
from flows.approval import await_start
from flows.artifacts import show_campaign
from flows.choices import AtLeastOne, BaselineChoice, Caps, NoneOrMore, ProviderChoice, SamplerChoice, ScaleChoice
from flows.estimate import campaign_estimate
from flows.governed import cancelled_by_people, refuse_halted
from flows.imported_parents import check_parents_from
from flows.in_parallel import in_parallel
from flows.pulse import beating, within
from flows.research_cycle import research_cycle
from flows.seed_baselines import seed_baselines
from flows.settings import campaign_record, known_rule, open_checked, replay_record, with_known
from tasks.anchors import anchor_campaign
from tasks.replay.playing import REPLAY


@flow(name="campaign", flow_run_name="{name}")
@beating
@cancelled_by_people
def campaign(
    name: str = "default",
    cycles: NoneOrMore | None = None,
    scale: ScaleChoice = "",
    provider: ProviderChoice = "",
    parallel: AtLeastOne = 2,
    seed: int | None = None,
    domain: str = "",
    baselines: tuple[BaselineChoice, ...] = (),
    families: tuple[BaselineChoice, ...] = (),
    parents_from: str = "",
    caps: Caps | None = None,
    sampler: SamplerChoice = "",
    model: str = "",
    ablations: NoneOrMore | None = None,
    cassette: str = "",
    approvals: NoneOrMore | None = None,
    approvers: tuple[str, ...] = (),
) -> str:
    """Run a campaign until it has its cycles, or go on with it where it stopped.

    Args:
        name: of the campaign; a known one is continued, and its name is enough.
        cycles: how many cycles it shall have in all; a larger number than before extends it. None for as many as it
            has, 8 of a new one.
        scale: the size of the models and of their training; empty for the campaign's own, `nano` of a new one.
        provider: who proposes, writes and analyzes; empty for the campaign's own, `grammar` of a new one.
        parallel: how many designs are evaluated at a time.
        seed: the root of all chance in proposals; None for the campaign's own, 0 of a new one.
        domain: the module that checks, trains and scores designs; empty for the campaign's own, archloop's of a new
            one.
        baselines: names of published designs to train besides the default ones.
        families: names of published designs from which the search starts; none for all that are trained. The default
            ones are trained whatever is named here: everything is measured against them.
        parents_from: an imported campaign whose designs with a program may be improved, too.
        caps: the most that the campaign may spend: cpu_seconds, gpu_seconds, tokens, dollars. Those left out stay.
        sampler: who chooses parents; empty for the default, or for whom the campaign has.
        model: the one to ask, of a provider that asks one; empty where the file of models says which.
        ablations: the most components to knock out of one design, each a training; None for the default, or for what
            the campaign has.
        cassette: sha256 of the kept one that the campaign is run again from; what it says goes before the settings
            above, name, cycles and caps excepted.
        approvals: how many people have to approve the start, and each verification; fixed when a campaign is created.
            None for what the campaign has, or ARCHLOOP_APPROVALS says of a new one.
        approvers: who they may be; empty for what the campaign has, or ARCHLOOP_APPROVERS says of a new one.

    Returns:
        The path of the report.
    """
    rule = rule_from(approvals, approvers) if approvals is not None or approvers else None
    fixed = rule or known_rule(open_store(), name)
    given = {"cycles": cycles, "scale": scale, "provider": provider, "seed": seed, "domain": domain}
    known = with_known(open_store(), name, given | {"cassette": cassette})
    if cassette or (known["cassette"] and known["provider"] == REPLAY):
        wanted = replay_record(find_cassette(open_store(), known["cassette"]), name, cycles, fixed)
    else:
        wanted = campaign_record(
            name, known["cycles"], known["scale"], known["provider"], known["seed"], known["domain"], baselines,
            parents_from, sampler, model, ablations, fixed, families,
        )  # fmt: skip
    check_parents_from(open_store(), wanted.parents_from)
    record = open_checked(open_store(), wanted, sampler, caps, ablations, rule)
    refuse_halted(open_store(), record.id)
    await_start(open_store(), record, partial(campaign_estimate, open_store(), record, record.cycles))
    with at_work(record.id):
        seed_baselines(record.id, parallel)
        numbers = range(1, record.cycles + 1)
        in_parallel([partial(within, research_cycle, record.id, number) for number in numbers], parallel)
    from flows.report import write_report  # draws with matplotlib, which takes a second to import

    path = write_report(open_store(), get_campaign(open_store(), record.id))
    anchor_campaign(record)
    show_campaign(record, str(path))
    return str(path)
