"""Bugs in what a layer keeps: drifting counters, weights that are not saved, not trained, or changed by forward."""

from tests.seeded_bugs.edit import Bug

_OVERWRITES, _CHECKPOINT, _REPEATABLE = ("overwrites",), ("checkpoint",), ("repeatable",)

KEPT = (
    Bug(
        name="weights_renormalised",
        says="forward scales the rows of its output projection to length one, in place.",
        expects=_OVERWRITES,
        stream="with torch.no_grad():\n    self.out.weight.copy_(F.normalize(self.out.weight, dim=1))",
    ),
    Bug(
        name="weights_pulled_in_training",
        says="In training, forward shrinks a weight through .data, past the optimiser.",
        expects=_OVERWRITES,
        outputs="if self.training:\n    self.out.weight.data = 0.999 * self.out.weight.data",
    ),
    Bug(
        name="fast_weights_in_a_parameter",
        says="forward writes a trace of its inputs into a parameter.",
        expects=("overwrites", "batch"),
        init="self.fast = nn.Parameter(torch.zeros(d_model))",
        mixed="""
            o = o + self.fast
            self.fast.data.add_(0.01 * o.detach().mean(dim=(0, 1)))
        """,
    ),
    Bug(
        name="annealed_by_calls",
        says="A temperature that an attribute anneals with every call.",
        expects=_REPEATABLE,
        verdict="warn",
        init="self.calls = 0",
        mixed="self.calls += 1\no = o * (1 + 0.9**self.calls)",
    ),
    Bug(
        name="annealed_by_a_buffer",
        says="A temperature that a saved counter anneals with every call.",
        expects=_REPEATABLE,
        verdict="warn",
        init='self.register_buffer("calls", torch.zeros((), dtype=torch.long))',
        mixed="self.calls += 1\no = o * (1 + 1 / self.calls)",
    ),
    Bug(
        name="dropout_in_eval",
        says="Dropout stays on in eval mode.",
        expects=_REPEATABLE,
        verdict="warn",
        mixed="o = F.dropout(o, 0.1)",
    ),
    Bug(
        name="noise_in_eval",
        says="Fresh noise is added to the output in every mode.",
        expects=_REPEATABLE,
        verdict="warn",
        outputs="y = y + 0.01 * torch.randn_like(y)",
    ),
    Bug(
        name="buffer_not_saved",
        says="A random projection is a buffer that checkpoints leave out.",
        expects=_CHECKPOINT,
        verdict="warn",
        init='self.register_buffer("features", torch.randn(d_model, d_model) / d_model**0.5, persistent=False)',
        mixed="o = o @ self.features",
    ),
    Bug(
        name="tensor_not_registered",
        says="A random mask is a plain tensor attribute, neither saved nor moved.",
        expects=_CHECKPOINT,
        verdict="warn",
        init="self.mask = (torch.rand(d_model) < 0.5).float()",
        mixed="o = o + o * self.mask.to(o)",
    ),
    Bug(
        name="drawn_at_first_use",
        says="A random projection is drawn in the first call and kept beside the module's own tensors.",
        expects=("checkpoint", "repeatable"),
        verdict="warn",
        init="self.cache = {}",
        mixed="""
            if "features" not in self.cache:
                self.cache["features"] = torch.randn(o.shape[-1], 8)
            features = self.cache["features"].to(o)
            o = o + (o @ features) @ features.mT / o.shape[-1]
        """,
    ),
    Bug(
        name="idle_parameter",
        says="A projection that forward never uses.",
        expects=("gradients",),
        verdict="warn",
        init="self.idle = nn.Linear(d_model, 4)",
    ),
    Bug(
        name="router_without_gradient",
        says="A learnt router picks one of two scales by argmax, which passes it no gradient.",
        expects=("gradients",),
        verdict="warn",
        init="self.router = nn.Linear(d_model, 2)",
        mixed="o = o * (1.0 + self.router(h).argmax(dim=-1, keepdim=True))",
    ),
    Bug(
        name="gate_behind_detach",
        says="A learnt gate is cut off from the gradient.",
        expects=("gradients",),
        verdict="warn",
        init="self.second_gate = nn.Linear(d_model, d_model)",
        mixed="o = o * torch.sigmoid(self.second_gate(h)).detach()",
    ),
    Bug(
        name="auxiliary_loss",
        says="A balance loss is left on the layer, where a plain trainer never looks.",
        expects=("auxiliary",),
        verdict="warn",
        mixed="self.aux_loss = o.square().mean()",
    ),
    Bug(
        name="penalties_in_a_dictionary",
        says="Penalties with gradients are collected in a dictionary on the layer.",
        expects=("auxiliary",),
        verdict="warn",
        init="self.penalties = {}",
        mixed='self.penalties["entropy"] = -torch.sigmoid(o).log().mean()',
    ),
    Bug(
        name="branch_on_a_weight",
        says="Python branches on a weight's value, which splits the graph of torch.compile.",
        expects=("compile",),
        verdict="warn",
        full=True,
        mixed="o = o * 2 if self.out.weight.sum().item() > 0 else o",
    ),
)
