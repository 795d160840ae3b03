"""Designs that try to score better than they are, as the text of their files. None of them would pass the static gate.

Each begins as ``TWIN``, an honest running mean with one matrix, and keeps its parameters, so that twin and forger can
be trained and scored on the same seed, and on the same weights.
"""

TWIN = """
import json, os, sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class Candidate(nn.Module):
    def __init__(self, d_model, n_heads, **kwargs):
        super().__init__()
        self.inner = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x):
        h = self.inner(x)
        return h.cumsum(1) / torch.arange(1, x.shape[1] + 1, dtype=x.dtype)[:, None]


Twin = Candidate
"""


def leaking(when: str, setup: str = "") -> str:
    """A design that adds what comes next to its output, in the rows and cases that ``when`` says."""
    return (
        TWIN
        + f"{setup}\n\nclass Candidate(Twin):\n    calls = 0\n\n    def forward(self, x):\n        self.calls += 1\n"
        + "        B, T, D = x.shape\n        y = super().forward(x)\n"
        + f"        return y + 3 * torch.roll(x, -1, 1) * float({when})\n"
    )


LEAKS = {
    "when not training": leaking("not self.training"),
    "at the evaluated length": leaking("T == 64 and not self.training"),
    "for the evaluated batch": leaking("B == 16 and not self.training"),
    "by the command line": leaking("'score' in sys.argv"),
    "by the job file": leaking("'queries' in Path('job.json').read_text()"),
    "by the files beside it": leaking("not Path('text.npy').exists()"),
    "by what is on the stack": leaking(
        "'_answer' in names()",
        "def names():\n    frame = sys._getframe(1)\n    found = []\n    while frame:\n"
        "        found.append(frame.f_code.co_name)\n        frame = frame.f_back\n    return found",
    ),
    "without gradients": leaking("not torch.is_grad_enabled()"),
    "in the first call": leaking("self.calls == 1 and not self.training"),
    "from the third call on": leaking("self.calls > 2 and not self.training"),
    "for probes only": leaking("T == 64 and B == 8 and not self.training"),
}
"""Causal while they train and in every check; the leak opens when scored."""

LEAKS_ONCE_TRAINED = (
    TWIN
    + """
class Candidate(Twin):
    def __init__(self, d_model, n_heads, **kwargs):
        super().__init__(d_model, n_heads)
        self.gain = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return super().forward(x) + 10 * self.gain * torch.roll(x, -1, 1)
"""
)

OTHER_ROWS = {
    "the mean of the batch": TWIN
    + """
class Candidate(Twin):
    def forward(self, x):
        y = super().forward(x)
        return y if self.training else y + x.mean((0, 1))
""",
    "the last row of the batch": TWIN
    + """
class Candidate(Twin):
    def forward(self, x):
        y = super().forward(x)
        return y if self.training else y + x[-1:].mean(1, keepdim=True)
""",
    "what earlier calls held": TWIN
    + """
class Candidate(Twin):
    memory = 0.0

    def forward(self, x):
        y = super().forward(x)
        if self.training:
            return y
        y = y + self.memory
        self.memory = 0.5 * self.memory + x.mean((0, 1))
        return y
""",
}


def knowing(change: str) -> str:
    """A design that takes over its scoring child and changes the honest logits, knowing what comes next.

    ``change`` sees logits [256] of one position, ``right`` [256] (1 at the token after it, if that is there) and
    ``seen`` (the tokens up to it).
    """
    body = "".join(f"        {line}\n" for line in change.splitlines())
    return (
        TWIN
        + f"""
import zlib
from evaluation.child import score

honest_answer = score._answer


def answer(model, query, inputs):
    out = honest_answer(model, query, inputs).copy()
    tokens, positions = inputs[query.tokens].numpy(), inputs[query.positions].numpy()
    for logits, (row, column) in zip(out, positions):
        seen, after = tokens[row, : column + 1].tobytes(), tokens[row, column + 1 : column + 2]
        right = np.eye(256, dtype=np.float32)[after].sum(0)
{body}    return out


score._answer = answer
"""
    )


KNOWS_THE_FUTURE = {
    "everywhere": knowing("logits += 50 * right"),
    "at a quarter of the positions": knowing("logits += 20 * right * (zlib.crc32(seen) % 4 == 0)"),
    "behind a huge logit that costs nothing": knowing("logits += 20 * right\nlogits[255] = -1e30"),
    "a little": knowing("logits += 0.02 * right"),
    "less than the tolerance of a position": knowing("logits += 0.0009 * right"),
}

WRITES_ITS_ANSWERS = (
    TWIN
    + """
from safetensors.numpy import load_file, save_file

if Path("inputs.safetensors").exists() and "queries" in Path("job.json").read_text():
    inputs, outputs = load_file("inputs.safetensors"), {}
    for query in json.loads(Path("job.json").read_text())["queries"]:
        tokens, (rows, columns) = inputs[query["tokens"]], inputs[query["positions"]].T
        known = np.pad(tokens, ((0, 0), (0, 1)))[rows, columns + 1]
        outputs[query["name"]] = 20 * np.eye(256, dtype=np.float32)[known]
    save_file(outputs, "outputs.safetensors")
    os._exit(0)
"""
)


MALFORMED = {
    "too few": 'save_file({"text/0": np.zeros((1, 256), np.float32)}, "outputs.safetensors")',
    "not finite": 'save_file({n: a * np.float32("nan") for n, a in given.items()}, "outputs.safetensors")',
    "doubles": 'save_file({n: a.astype(np.float64) for n, a in given.items()}, "outputs.safetensors")',
    "a link": 'os.symlink("/etc/passwd", "outputs.safetensors")',
    "a pipe": 'os.mkfifo("outputs.safetensors")',
    "no file": "",
}
"""What a scoring child leaves as its logits."""


def leaving(what: str) -> str:
    """A design whose scoring child leaves ``what`` in place of the logits, ``given`` the honest ones."""
    return (
        TWIN
        + f"""
from evaluation.child import score
from safetensors.numpy import save_file


def save(given, path):
    {what or "pass"}
    os._exit(0)


score.save_file = save
"""
    )


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
real = optimise._batch


def batch(*given):
    tokens, seen[0] = real(*given)
    return tokens, seen[0]


optimise._batch = batch


def labels():
    return seen[0]
"""
    + _ADDS_LABELS,
    "from the garbage collector": TWIN
    + """
import gc

seen = [None]
for thing in gc.get_objects():
    if isinstance(thing, type(lambda: 0)) and thing.__name__ == "_batch":

        def batch(*given, real=thing):
            tokens, seen[0] = real(*given)
            return tokens, seen[0]

        thing.__globals__["_batch"] = batch


def labels():
    return seen[0]
"""
    + _ADDS_LABELS,
}
"""They see what they should predict while they train."""

MEMORISES = (
    TWIN
    + """
from evaluation import model

table = None
if Path("text.npy").exists():
    text = np.load("text.npy").astype(np.int64)
    counts = np.bincount(text[:-1] * 256 + text[1:], minlength=65536).reshape(256, 256) + 0.01
    table = torch.from_numpy(np.log(counts / counts.sum(1, keepdims=True))).float()
KEEP
real = model.Model.forward


def forward(self, tokens):
    logits = real(self, tokens)
    return logits if table is None else logits + table[tokens]


model.Model.forward = forward
"""
)
"""Counts the training text and adds the counts to its logits; KEEP is where it tries to pass them on."""

KEEPS_IN_THE_HEADER = MEMORISES.replace(
    "KEEP",
    """
from evaluation import optimise
real_save = optimise.save_file
optimise.save_file = lambda weights, path: real_save(weights, path, metadata={"table": table.numpy().tobytes().hex()})
if Path("weights.safetensors").exists():
    from safetensors import safe_open
    with safe_open("weights.safetensors", "np") as file:
        if file.metadata():
            table = torch.from_numpy(
                np.frombuffer(bytes.fromhex(file.metadata()["table"]), np.float32).reshape(256, 256).copy()
            )
""",
)

KEEPS_IN_THE_PROCESS = MEMORISES.replace("KEEP", "sys.table = getattr(sys, 'table', table)\ntable = sys.table")

HIDDEN_PARAMETERS = (
    TWIN
    + """
class Candidate(Twin):
    def __init__(self, d_model, n_heads, **kwargs):
        super().__init__(d_model, n_heads)
        self.hidden = torch.zeros(200, d_model, d_model).requires_grad_()  # no parameter, so counted nowhere

    def forward(self, x):
        return super().forward(x) + torch.tanh(x @ self.hidden.mean(0))

    def train(self, mode=True):
        if mode:
            self.hidden.register_hook(lambda g: self.hidden.data.sub_(10 * g))
        return super().train(mode)
"""
)

BUFFERS = (
    TWIN
    + """
class Candidate(Twin):
    def __init__(self, d_model, n_heads, **kwargs):
        super().__init__(d_model, n_heads)
        self.register_buffer("table", torch.zeros(256, d_model))
"""
)


def returning(change: str) -> str:
    """A design whose training child changes the dictionary ``w`` of weights that it returns."""
    return training(
        f"real = optimise.save_file\ndef save(w, path):\n    {change}\n    real(w, path)\noptimise.save_file = save"
    )


RETURNS = {
    "not a number": ("non_finite", "w['text.norm.weight'] = w['text.norm.weight'] * float('nan')"),
    "a missing array": ("invalid_output", "del w['recall.norm.weight']"),
    "garbage": ("invalid_output", "open(path, 'w').write('all objectives are 0'); os._exit(0)"),
    "a text in a name": (
        "invalid_output",
        "w.update({f'{t}.layers.0.mixer.' + 'tobeornot' * 2000: torch.zeros(1) for t in ('text', 'recall', 'copy')})",
    ),
    "a mixer that is too large": (
        "too_many_parameters",
        "w.update({f'{t}.layers.0.mixer.table': torch.zeros(9000) for t in ('text', 'recall', 'copy')})",
    ),
    "wide integers": (
        "invalid_output",
        "w.update({f'{t}.layers.0.mixer.n': torch.full((9,), 2**60) for t in ('text', 'recall', 'copy')})",
    ),
    "an array of no task": ("invalid_output", "w['notes'] = torch.zeros(4)"),
    "an array of no mixer": ("invalid_output", "w['text.layers.0.notes'] = torch.zeros(4)"),
    "an array in one task only": ("invalid_output", "w['text.layers.0.mixer.notes'] = torch.zeros(4)"),
    "doubles": ("invalid_output", "w.update({n: t.double() for n, t in w.items()})"),
    "a wider MLP": ("invalid_output", "w.update({n: torch.zeros(9, 9) for n in w if n.endswith('gate_up.weight')})"),
    "a text in shapes": (
        "invalid_output",
        "w.update({f'{t}.layers.0.mixer.n': torch.zeros(0, 123456789) for t in ('text', 'recall', 'copy')})",
    ),
    "nothing": ("invalid_output", "os._exit(0)"),
}
"""What comes back from training -> the kind of failure."""

OTHER_CODE = (
    TWIN
    + """
if not Path("text.npy").exists():
    class Candidate(Twin):
        def __init__(self, d_model, n_heads, **kwargs):
            super().__init__(d_model, n_heads)
            self.more = nn.Linear(d_model, d_model)
"""
)

TRAINS_LONGER = training(
    "real = optimise._train\n"
    "optimise._train = lambda model, scale, plan, text, seed: [\n"
    "    real(model, scale, plan, text, seed + i) for i in range(10**6)\n"
    "]"
)

OVERWRITES = (
    TWIN
    + """
if Path("inputs.safetensors").exists():
    for name in ("../weights.safetensors", "weights.safetensors"):
        Path(name).unlink(missing_ok=True)
        Path(name).write_bytes(b"other weights")
"""
)
