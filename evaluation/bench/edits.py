"""The reference, and edits of it that change its code and its random draws but not what it can learn.

Trained with the same seed, an edited copy ends elsewhere than the reference, as a new design would that is no better:
whatever calls it better is wrong.
"""

from evaluation.baselines import source

REFERENCE = "gated_deltanet"

_EDITS: dict[str, tuple[tuple[str, str], ...]] = {
    # Each head keeps its own decay, in another order: heads are interchangeable.
    "heads in another order": (("(torch.arange(n_heads) + 0.5)", "(torch.arange(n_heads).flip(0) + 0.5)"),),
    # Three matrices that are drawn as the one was: the same bound, other numbers.
    "three projections for one": (
        (
            "self.qkv = nn.Linear(d_model, 3 * d_model, bias=False)",
            "self.qkv = nn.ModuleList(nn.Linear(d_model, d_model, bias=False) for _ in range(3))",
        ),
        ("qkv = self.qkv(x)", "qkv = torch.cat([one(x) for one in self.qkv][::-1], dim=-1)"),
        ("qkv = self.qkv(x_t)", "qkv = torch.cat([one(x_t) for one in self.qkv][::-1], dim=-1)"),
        ("self.qkv.out_features", "3 * self.out.in_features"),
    ),
    # The output's matrix is drawn before the others, and all after it get other numbers.
    "drawn in another order": (
        (
            "        self.qkv = nn.Linear(d_model, 3 * d_model, bias=False)\n",
            "        self.out = nn.Linear(d_model, d_model, bias=False)\n"
            "        self.qkv = nn.Linear(d_model, 3 * d_model, bias=False)\n",
        ),
        ("        self.out = nn.Linear(d_model, d_model, bias=False)\n        taps", "        taps"),
    ),
}


def unchanged_designs() -> dict[str, str]:
    """Name -> source of the reference and of each edit. ValueError if the reference has changed under an edit."""
    original = source(REFERENCE)
    designs = {REFERENCE: original}
    for name, changes in _EDITS.items():
        edited = original
        for old, new in changes:
            if edited.count(old) != 1:
                raise ValueError(
                    f"The edit {name!r} no longer fits {REFERENCE}: {old!r} is there {edited.count(old)}x."
                )
            edited = edited.replace(old, new)
        designs[name] = edited
    return designs
