"""Forgeries at work where a design is scored: they look ahead, or leave other answers than they gave."""

from tests.evaluation.forgeries import TWIN


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


OVERWRITES = (
    TWIN
    + """
if Path("inputs.safetensors").exists():
    for name in ("../weights.safetensors", "weights.safetensors"):
        Path(name).unlink(missing_ok=True)
        Path(name).write_bytes(b"other weights")
"""
)
