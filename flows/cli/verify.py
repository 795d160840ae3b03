"""``archloop verify ID``: is a design a breakthrough?"""

from typing import Annotated

import typer

from flows.cli.asked import AsJson, CampaignName, console_for, print_json
from flows.cli.budget import CpuHours, GpuHours, caps_asked
from flows.cli.inspect import ExperimentName


def verify(
    experiment: ExperimentName,
    campaign: CampaignName = "default",
    seeds: Annotated[int, typer.Option(min=2, max=32, help="Fresh seeds to train both sides on.")] = 5,
    parallel: Annotated[int, typer.Option(min=1, help="How many of the two are trained at a time.")] = 2,
    max_cpu_hours: CpuHours = None,
    max_gpu_hours: GpuHours = None,
    as_json: AsJson = False,
) -> None:
    """Test a design on fresh seeds against the best sub-quadratic baseline, and say whether it is a breakthrough.

    Each design is tested once; the level of the test keeps false breakthroughs of the whole campaign rare. A sealed
    hold-out then decides whether a breakthrough is promoted to the next scale. The whole test is reserved in the
    campaign's budget before it starts.
    """
    from flows.cli.run import interruptible, start

    console = console_for(as_json)
    caps = caps_asked(max_cpu_hours, max_gpu_hours)
    with console.status("Starting the store and the Prefect server"):
        address = start()
        from archdb import find_experiment, get_campaign, open_store, set_caps

        design = find_experiment(open_store(), experiment, campaign)
        from flows.imported_parents import refuse_imported

        record = get_campaign(open_store(), design.campaign)
        refuse_imported(record)
        set_caps(open_store(), record.id, caps)
    from flows.cli.live import Display
    from flows.verify_design import sentence, verified
    from flows.verify_design import verify as verify_flow
    from flows.wanted_baselines import baseline_trainings
    from tasks.domain import domain_of

    objectives, trainings = domain_of(record.domain).objectives_of(record.scale), baseline_trainings(record)
    with interruptible(), Display(console, record.id, parallel, objectives, trainings, address):
        told = verify_flow(design.id, seeds, parallel)
    found = verified(design)
    if as_json:
        print_json(found.model_dump(by_alias=True) if found else {"experiment": design.id, "failure": told})
    else:
        console.print(told if found is None else sentence(design, found), markup=False, highlight=False, soft_wrap=True)
    if found is None:
        raise typer.Exit(1)
