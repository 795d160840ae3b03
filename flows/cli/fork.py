"""``archloop fork``: a new campaign that starts from designs of an old one."""

from typing import Annotated

import typer

from flows.cli.asked import AsJson, Refused, console_for, print_json
from flows.cli.budget import CpuHours, Dollars, GpuHours, Tokens, caps_asked
from flows.cli.control import As, person


def fork(
    campaign: Annotated[str, typer.Argument(help="The campaign to fork.")],
    new: Annotated[str, typer.Argument(help="The name of the new campaign.")],
    designs: Annotated[
        list[str] | None,
        typer.Option(
            "--from", metavar="ID", help="A finished design to start from; may be repeated. The best if none."
        ),
    ] = None,
    who: As = "",
    max_cpu_hours: CpuHours = None,
    max_gpu_hours: GpuHours = None,
    max_tokens: Tokens = None,
    max_dollars: Dollars = None,
    as_json: AsJson = False,
) -> None:
    """Make a new campaign with the settings of an old one, whose first parents are designs of the old one.

    It has a budget of its own and trains baselines of its own; `archloop run` starts it.
    """
    from archdb import designs_to_fork, find_experiment, get_campaign, open_store
    from archdb.governance import standing_of
    from flows.quorum import fork_by_quorum
    from flows.settings import check_name
    from tasks.domain import OWN_DOMAIN

    caps = caps_asked(max_cpu_hours, max_gpu_hours, max_tokens, max_dollars)
    try:
        check_name(new)
    except ValueError as fault:
        raise Refused(str(fault)) from fault
    store = open_store()
    old = get_campaign(store, campaign)
    chosen = designs_to_fork(store, old, [find_experiment(store, one, campaign).id for one in designs or ()])
    request, made = fork_by_quorum(store, old, new, chosen, caps, person(who, counts=old.approvals > 0))
    if as_json:
        told = {"campaign": new, "forked_from": old.id, "designs": list(chosen), "made": made is not None}
        print_json(told | {"waiting": request.model_dump(by_alias=True) if request and made is None else None})
    elif made is None and request is not None:
        console_for().print(standing_of(store, request), markup=False, highlight=False, soft_wrap=True)
    elif made is not None:
        settings = f"--scale {made.scale} --provider {made.provider} --seed {made.seed}"
        if made.domain != OWN_DOMAIN:
            settings = f"--domain {made.domain} {settings}"
        line = f"{new} is a fork of {old.id} and starts from {', '.join(chosen)}: `archloop run -c {new} {settings}`."
        console_for().print(line, markup=False, highlight=False, soft_wrap=True)
