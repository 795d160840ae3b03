"""A campaign as a whole, read from the store."""

from archdb import FITNESS, Campaign, Outline, Store, campaign_outlines
from evaluation import LEAST_DISCOVERIES, LEAST_SCORES, discovery_law, flattening
from flows.report.contents import Contents, Link
from flows.report.whole.contents import AxisOf, Growth, KnockOut, ObjectiveEffects, Trades, Whole
from flows.report.whole.sources import sources_of
from flows.scaling_words import law_rows, verdict, what_was_found, where_it_flattens
from tasks.discoveries import search_of
from tasks.domain import domain_of
from tasks.families import families_of
from tasks.population_effects import effects_among

GAIN = "gain_"  # before an objective's name, among axes


def gather_whole(store: Store, campaign: Campaign, contents: Contents) -> Whole:
    """Everything that the report says of a campaign of this laboratory as a whole.

    Args:
        store: where.
        campaign: whose.
        contents: what the report shows of its designs.
    """
    outlines = campaign_outlines(store, campaign.id)
    objectives = domain_of(campaign.domain).objectives_of(campaign.scale)
    titles = {FITNESS: "Fitness"} | {name: one.title for name, one in objectives.items()}
    growth, no_growth = _growth(store, campaign)
    return Whole(
        effects=tuple(
            ObjectiveEffects(name=name, title=titles[name], found=found)
            for name, found in effects_among(outlines, objectives).items()
        ),
        knock_outs=tuple(_knock_outs(contents)),
        families=families_of(store, campaign),
        growth=growth,
        no_growth=no_growth,
        sources=sources_of(contents.designs),
        trades=_trades(campaign, outlines, contents),
    )


def _knock_outs(contents: Contents) -> list[KnockOut]:
    """Those with an effect, the largest first."""
    found = [
        KnockOut(
            design=Link(text=design.name, href=f"#{design.anchor}"),
            experiment=one.id,
            component=one.component,
            difference=one.effect.fitness.difference,
            low=one.effect.fitness.low,
            high=one.effect.fitness.high,
            seeds=one.effect.seeds,
        )
        for design in contents.designs
        for one in design.ablations
        if one.effect is not None
    ]
    return sorted(found, key=lambda one: (-abs(one.difference), one.experiment))


def _growth(store: Store, campaign: Campaign) -> tuple[Growth | None, str]:
    try:
        search = search_of(store, campaign)
    except ValueError as fault:
        return None, str(fault)
    law = discovery_law(search.moments, search.compute)
    bend = flattening(search.scores) if len(search.scores) >= LEAST_SCORES else None
    told = what_was_found(search, law, LEAST_DISCOVERIES)
    told += [verdict(law, search)] if law.laws else []
    told += where_it_flattens(search, bend, LEAST_SCORES)
    return Growth(search=search, law=law, bend=bend, told=tuple(told), rows=tuple(law_rows(law))), ""


def _trades(campaign: Campaign, outlines: list[Outline], contents: Contents) -> Trades:
    domain = domain_of(campaign.domain)
    parameters = {one.id: one.parameters for one in contents.designs}
    shown = [one for one in outlines if one.id in parameters and one.fitness is not None]
    found = []
    for one in sorted(shown, key=lambda one: (-(one.fitness or 0.0), one.id)):
        values = {FITNESS: one.fitness or 0.0} | {f"{GAIN}{name}": value for name, value in one.gains.items()}
        values |= {name: value for name, value in one.efficiency.items() if name in domain.MEASURES}
        values |= {"parameters": float(parameters[one.id] or 0)} if parameters[one.id] else {}
        found.append((one.id, values | {"cpu_seconds": one.cpu_seconds}))
    axes = [AxisOf(key=FITNESS, title="Fitness", unit="units of gain", better="higher")]
    for name, objective in domain.objectives_of(campaign.scale).items():
        axes.append(AxisOf(key=f"{GAIN}{name}", title=f"Gain: {objective.title}", unit="units", better="higher"))
    for name, measure in domain.MEASURES.items():
        told = measure.model_dump(include={"title", "unit", "better"})
        axes.append(AxisOf.model_validate({"key": name, "measured": True} | told))
    axes.append(AxisOf(key="parameters", title="Parameters", unit="", better="lower"))
    axes.append(AxisOf(key="cpu_seconds", title="Compute of its evaluation", unit="CPU-seconds", better="lower"))
    known = {key for _, values in found for key in values}
    return Trades(axes=tuple(one for one in axes if one.key in known), designs=tuple(found))
