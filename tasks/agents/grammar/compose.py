"""From a design to the source text of its candidate. Text only: nothing here is ever run."""

import re
import textwrap

from tasks.agents.grammar import inputs, memory, outputs
from tasks.agents.grammar.naming import sentence_of
from tasks.agents.grammar.part import Part, has_keys, reads_token
from tasks.agents.grammar.slots import SLOTS
from tasks.agents.grammar.space import NEUTRAL, Design, canonical

KERNELS = (
    "chunk_delta",
    "chunk_linear",
    "l2_norm",
    "linear_scan",
    "rms_norm_gate",
    "rotary",
    "short_conv",
    "window_attention",
)
WIDTH = 116


def compose(design: Design, name: str, note: str) -> str:
    """The source of one candidate file: exactly this design, as a person would write it.

    name stands in the docstring's first line, and note (why this design was made; may be empty) below it. The file
    ends with ``DESIGN``, the canonical choices as a dictionary, so that ``read_design`` can find them again.
    """
    design = canonical(design)
    before = (
        inputs.token_shift(design),
        inputs.projections(design),
        inputs.temperature(design),
        inputs.early_rotation(design),
        outputs.local_branch(design),
        inputs.features(design),
    )
    core = memory.joined(memory.decay(design), memory.memory(design))
    after = (
        outputs.value_skip(design),
        outputs.output_norm(design),
        outputs.fusion(design),
        outputs.output_gate(design),
        outputs.projection_back(design),
    )
    parts = (*before, _placed(core, design), *after)
    groups = {
        "what the memory is asked and told": before,
        "how it forgets and writes": (core,),
        "what becomes of its read": after,
    }
    body = "\n\n".join([_constructor(design, groups), _forward(parts), *_methods(parts)])
    choices = "".join(f'    "{slot}": "{choice}",\n' for slot, choice in design.choices.items())
    return (
        f"{_docstring(design, name, note, parts)}\n\n{_imports(body)}\n\n\n"
        f'class Candidate(nn.Module):\n    """Mixes x [B, T, D] along T, causally; see above."""\n\n{body}\n\n\n'
        f"DESIGN = {{\n{choices}}}\n"
    )


def _placed(core: Part, design: Design) -> Part:
    """The memory as its own method where the token steers it, else as lines of ``forward``."""
    read = memory.read_out(design)
    if not reads_token(design):
        return core.model_copy(update={"forward": (*core.memory, *(() if read == "o" else (f"o = {read}",)))})
    scan = design.memory_rule == "scan"
    takes, accepts = ("v", "v: Tensor") if scan else ("q, k, v", "q: Tensor, k: Tensor, v: Tensor")
    says = "The state [B, T, H, V]" if scan else "What q finds in the state"
    method = (
        f"def memory(self, x: Tensor, {accepts}) -> Tensor:",
        f'    """{says} after each token; x [B, T, D] steers how the memory forgets and writes."""',
        *(f"    {line}" for line in (*core.memory, f"return {read}")),
    )
    stream = "x" if design.token_shift == "none" else "x_c"
    call = f"o = self.memory({stream}, {takes})  # [B, T, H, V]"
    return core.model_copy(update={"forward": (call,), "method": method})


def _docstring(design: Design, name: str, note: str, parts: tuple[Part, ...]) -> str:
    equations = [equation for part in parts for equation in part.equations]
    chosen = [
        f"{slot}={choice}: {SLOTS[slot].choices[choice]}"
        for slot, choice in design.choices.items()
        if choice != NEUTRAL[slot] or slot == "memory_rule"
    ]
    paragraphs = [
        textwrap.fill(f"{_plain(name)}: {sentence_of(design)}", WIDTH),
        *(textwrap.fill(_plain(text), WIDTH) for text in re.split(r"\n\s*\n", note) if _plain(text)),
        "Per head, from zero states:\n" + "\n".join(_indented(line, "    ", "        ") for line in equations),
        "Choices, where they are not neutral:\n" + "\n".join(_indented(line, "  - ", "    ") for line in chosen),
    ]
    return '"""' + "\n\n".join(paragraphs) + '\n"""'


def _indented(text: str, first: str, later: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent=first, subsequent_indent=later, break_on_hyphens=False)


def _plain(text: str) -> str:
    """Text that cannot end or escape from the docstring it goes into."""
    printable = "".join(character for character in " ".join(text.split()) if character.isprintable())
    return printable.replace("\\", "/").replace('"', "'")


def _imports(body: str) -> str:
    lines = ["import torch"] if "torch." in body else []
    lines += ["import torch.nn.functional as F"] if re.search(r"\bF\.", body) else []
    lines.append("from torch import Tensor, nn")
    kernels = [kernel for kernel in KERNELS if re.search(rf"\b{kernel}\(", body)]
    return "\n".join(lines) + (f"\n\nfrom kernels import {', '.join(kernels)}" if kernels else "")


def _constructor(design: Design, groups: dict[str, tuple[Part, ...]]) -> str:
    lines: list[str] = []
    for title, parts in groups.items():
        made = [line for part in parts for line in part.init]
        lines += ["", f"# {title}", *made] if made else []
    layers = ", ".join(f"self.{name}_proj" for name in ("q", "k", "v", "o") if name in "vo" or has_keys(design))
    lines += [
        "",
        f"for layer in ({layers}):",
        "    nn.init.normal_(layer.weight, std=layer.in_features**-0.5)  # unit scale in, unit scale out",
    ]
    even = " // 2 * 2  # even: rotary turns pairs of channels" if design.position == "rotary" else ""
    start = [
        "super().__init__()",
        f"head_dim = d_model // n_heads{even}",
        "inner = n_heads * head_dim",
        *(["rank = max(4, d_model // 8)"] if any("rank" in line for line in lines) else []),
        "self.heads = (n_heads, head_dim)",
    ]
    signature = "def __init__(self, d_model: int, n_heads: int, **kwargs: object) -> None:"
    return _method((signature, *(f"    {line}" for line in (*start, *lines))))


def _forward(parts: tuple[Part, ...]) -> str:
    lines = [line for part in parts for line in part.forward]
    return _method(("def forward(self, x: Tensor) -> Tensor:", *(f"    {line}" for line in lines)))


def _methods(parts: tuple[Part, ...]) -> list[str]:
    return [_method(part.method) for part in parts if part.method]


def _method(lines: tuple[str, ...]) -> str:
    return "\n".join(f"    {line}".rstrip() for line in lines)
