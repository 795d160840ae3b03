"""Forgeries at work where a design is trained: false losses, labels that are read, more than the budget."""

from tests.evaluation.forgeries import TWIN


def training(change: str) -> str:
    """A design that changes the harness inside its training child. ``optimise`` is the module that trains."""
    return TWIN + f"\nfrom evaluation import optimise\n\nif Path('text.npy').exists():\n{_indented(change)}"


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


FALSE_LOSSES = {
    "printed": TWIN
    + """
for task in ("text", "recall", "copy"):
    for step in range(1, 13):
        print(json.dumps({"task": task, "step": step, "loss": 1e-9}), flush=True)
""",
    "small loss": training("real = F.cross_entropy\nF.cross_entropy = lambda *a, **k: real(*a, **k) * 1e-3"),
    "no loss": training("real = F.cross_entropy\nF.cross_entropy = lambda *a, **k: real(*a, **k) * 0"),
    "loss of the module that trains": training(
        "import types\nreal = F.cross_entropy\n"
        "optimise.F = types.SimpleNamespace(cross_entropy=lambda *a, **k: real(*a, **k).sqrt())"
    ),
    "losses of the parent": training("from evaluation import losses\nlosses.cross_entropy = lambda *a: np.zeros(1)"),
}
"""They show a better loss than they have."""

_ADDS_LABELS = """
from evaluation import model

real_forward = model.Model.forward


def forward(self, tokens):
    logits, targets = real_forward(self, tokens), labels()
    return logits if targets is None else logits + 9 * F.one_hot(torch.from_numpy(targets).clamp(min=0), 256)


model.Model.forward = forward
"""
READS_LABELS = {
    "from a frame": TWIN
    + """
def labels():
    frame = sys._getframe()
    while frame and "targets" not in frame.f_locals:
        frame = frame.f_back
    return None if frame is None else frame.f_locals["targets"]
"""
    + _ADDS_LABELS,
    "from the module that trains": TWIN
    + """
seen = [None]
from evaluation import optimise
real = optimise.draw_batch


def batch(*given):
    tokens, seen[0] = real(*given)
    return tokens, seen[0]


optimise.draw_batch = batch


def labels():
    return seen[0]
"""
    + _ADDS_LABELS,
    "from the garbage collector": TWIN
    + """
import gc

seen = [None]
for thing in gc.get_objects():
    if isinstance(thing, type(lambda: 0)) and thing.__name__ == "draw_batch":

        def batch(*given, real=thing):
            tokens, seen[0] = real(*given)
            return tokens, seen[0]

        thing.__globals__["draw_batch"] = batch


def labels():
    return seen[0]
"""
    + _ADDS_LABELS,
}
"""They see what they should predict while they train."""

TRAINS_LONGER = training(
    "real = optimise._trained_steps\n"
    "optimise._trained_steps = lambda model, scale, plan, text, seed: (\n"
    "    step for i in range(10**6) for step in real(model, scale, plan, text, seed + i)\n"
    ")"
)
