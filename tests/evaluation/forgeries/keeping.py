"""Forgeries in what training hands to scoring: tables, hidden parameters, weights that were not asked for."""

from tests.evaluation.forgeries import TWIN
from tests.evaluation.forgeries.training import training

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
