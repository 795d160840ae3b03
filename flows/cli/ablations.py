"""What `archloop show` says of knock-outs: at a design all of them, at one of them its effect on each objective."""

from typing import Any

from rich.markup import escape
from rich.table import Table

from archdb import Experiment, Store
from flows.ablation_results import ablation_results, effect_of, in_words, standing


def design_table(store: Store, design: Experiment) -> Table | None:
    """What each component that was knocked out is worth to a design; None where none was asked for."""
    found = ablation_results(store, design)
    if not found:
        return None
    table = _table("\nAblations: what a component is worth, as the design minus its knock-out")
    for name in ("component", "in fitness", "experiment"):
        table.add_column(name)
    for component, one, effect in found:
        told = standing(one) if effect is None else in_words(effect, ())[0][1]
        table.add_row(escape(component), escape(told), one.id)
    return table


def effect_table(store: Store, ablation: Experiment) -> Table | None:
    """The effect of one knock-out in fitness and on each objective; None for other experiments."""
    found = effect_of(store, ablation)
    if found is None:
        return None
    table = _table(f"\nWhat {escape(found.component)} is worth, in units of gain")
    for name in ("objective", "design minus knock-out"):
        table.add_column(name)
    for row in in_words(found, found.objectives):
        table.add_row(*row)
    return table


def ablations_json(store: Store, design: Experiment) -> list[dict[str, Any]]:
    """The knock-outs of a design for a machine."""
    return [
        {"component": component, "experiment": one.id, "state": one.state, "effect": effect and effect.model_dump()}
        for component, one, effect in ablation_results(store, design)
    ]


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
