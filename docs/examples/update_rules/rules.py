"""The space that is searched: choices for five slots, and the file that they make."""

from collections.abc import Mapping

from evaluation import Baseline

SLOTS: Mapping[str, Mapping[str, str]] = {  # slot -> choice -> its line; the first choice of each does nothing special
    "clip": {"none": "", "norm": "gradient = gradient / max(1.0, float(np.linalg.norm(gradient)))"},
    "direction": {
        "gradient": "step = gradient",
        "momentum": 'step = state["mean"] = 0.9 * state.get("mean", 0.0) + 0.1 * gradient',
        "nesterov": 'state["mean"] = 0.9 * state.get("mean", 0.0) + 0.1 * gradient; '
        'step = (state["mean"] + gradient) / 2',
    },
    "scaling": {
        "none": "",
        "second_moment": 'state["square"] = 0.97 * state.get("square", gradient**2) + 0.03 * gradient**2; '
        'step = step / (np.sqrt(state["square"]) + 1e-8)',
        "sign": "step = np.sign(step)",
        "unit": "step = step / (float(np.linalg.norm(step)) + 1e-8)",
    },
    "rate": {one: f"step = {one} * step" for one in ("0.1", "0.01", "0.03", "0.3")},
    "schedule": {
        "constant": "",
        "linear": "step = step * (1 - share)",
        "cosine": "step = step * 0.5 * (1 + np.cos(np.pi * share))",
    },
}
PLAIN = {slot: next(iter(choices)) for slot, choices in SLOTS.items()}
KNOWN = {  # baselines: what differs from PLAIN, and where it comes from
    "sgd": ({}, "Robbins and Monro, A Stochastic Approximation Method (1951)", ""),
    "momentum": ({"direction": "momentum"}, "Polyak, Some methods of speeding up convergence (1964)", ""),
    "signum": ({"direction": "momentum", "scaling": "sign", "rate": "0.01"}, "Bernstein et al., signSGD", "1802.04434"),
    "adam": (
        {"direction": "momentum", "scaling": "second_moment", "rate": "0.01"},
        "Kingma and Ba, Adam: A Method for Stochastic Optimization (2014)",
        "1412.6980",
    ),
}


def baselines() -> dict[str, Baseline]:
    return {
        name: Baseline(name=name, title=name, paper=paper, arxiv=arxiv, reference=name == "adam", default=True)
        for name, (_, paper, arxiv) in KNOWN.items()
    }


def baseline_source(name: str) -> str:
    return compose(PLAIN | KNOWN[name][0])


def compose(choices: Mapping[str, str]) -> str:
    """The file of a rule."""
    lines = [SLOTS[slot][choices[slot]] for slot in SLOTS]
    told = ", ".join(f"{slot} {choices[slot]}" for slot in SLOTS)
    body = "\n".join(f"    {part}" for line in lines for part in filter(None, line.split("; ")))
    return f'import numpy as np\n\n\ndef update(gradient, state, share):\n    """{told}."""\n{body}\n    return -step\n'


def choices_of(source: str) -> dict[str, str]:
    """The choices in a file that ``compose`` wrote; empty for any other."""
    told = source.partition('"""')[2].partition('."""')[0]
    found = dict(one.partition(" ")[::2] for one in told.split(", "))
    fits = set(found) == set(SLOTS) and all(choice in SLOTS[slot] for slot, choice in found.items())
    return found if fits and compose(found) == source else {}


def library() -> tuple[()]:
    return ()  # functions that a rule may call besides numpy's
