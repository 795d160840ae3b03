"""The model card of a package: what is known of a design in Markdown, with words of others as code spans."""

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from archdb import Campaign, Experiment
from flows.export.evidence import Evidence


def card(
    evidence: Evidence,
    campaign: Campaign,
    design: Experiment,
    seed: int,
    task: str,
    length: int,
    environment: Mapping[str, str],
    again: str = "",
) -> str:
    """The text of README.md.

    Args:
        evidence: what is known.
        campaign: the design's.
        design: the experiment.
        seed: whose weights are in the package.
        task: the task that these weights were trained on.
        length: tokens of the longest sequence that they were trained on.
        environment: versions of what it is exported with.
        again: a sentence on weights that were trained once more; "" for those that were kept.
    """
    templates = Environment(loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, autoescape=False)
    templates.filters |= {
        "quoted": _quoted,
        "whole": lambda count: f"{count:,}",
        "places": lambda value: f"{value:.4f}",
    }
    return (
        templates.get_template("card.md").render(
            it=evidence,
            campaign=campaign,
            design=design,
            seed=seed,
            task=task,
            length=length,
            environment=environment,
            again=again,
        )
        + "\n"
    )


def _quoted(text: str) -> str:
    """Words from elsewhere as a code span on one line; "" for none.

    Nothing in a code span is a link, markup, HTML or a formula, whoever shows it. It could end at a ` and, in a table,
    at a |: both are replaced, and what cannot be printed is left out.
    """
    shown = "".join(sign if sign.isprintable() else " " for sign in str(text))
    words = " ".join(shown.replace("`", "'").replace("|", "\u00a6").split())
    return f"`{words}`" if words else ""
