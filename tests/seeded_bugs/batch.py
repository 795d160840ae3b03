"""Bugs by which a sequence's output depends on the others in its batch, or on an earlier call."""

from tests.seeded_bugs.edit import Bug

_BATCH = ("batch",)

BATCH = (
    Bug(
        name="batch_mean",
        says="The mean over the batch is subtracted.",
        expects=_BATCH,
        mixed="o = o - o.mean(dim=0, keepdim=True)",
    ),
    Bug(
        name="batch_norm",
        says="Channels are normalised by nn.BatchNorm1d, which also cannot train on a single step.",
        expects=("batch", "crashed"),
        init="self.norm = nn.BatchNorm1d(d_model)",
        mixed="o = self.norm(o.mT).mT",
    ),
    Bug(
        name="batch_statistics",
        says="Channels are centred over the batch and all steps in training, by a running mean in eval mode.",
        expects=("batch", "causality"),
        init='self.register_buffer("mean", torch.zeros(d_model))',
        mixed="""
            if self.training:
                self.mean.lerp_(o.detach().mean(dim=(0, 1)), 0.1)
                o = o - o.mean(dim=(0, 1))
            else:
                o = o - self.mean
        """,
    ),
    Bug(
        name="running_sum_over_the_batch",
        says="A cumulative sum runs along the batch instead of time.",
        expects=_BATCH,
        mixed="o = o.cumsum(dim=0)",
    ),
    Bug(
        name="recurrence_over_the_batch",
        says="An nn.RNN without batch_first takes the batch for time.",
        expects=_BATCH,
        init="self.rnn = nn.RNN(d_model, d_model)",
        mixed="o = o + self.rnn(o)[0]",
    ),
    Bug(
        name="reshape_instead_of_transpose",
        says="Steps and sequences are swapped by reshape, which mixes them; a single sequence comes out right.",
        expects=_BATCH,
        mixed="o = o + o.reshape(o.shape[1], o.shape[0], -1).transpose(0, 1)",
    ),
    Bug(
        name="row_number",
        says="Each sequence is shifted by its place in the batch.",
        expects=_BATCH,
        mixed="o = o + 0.1 * torch.arange(o.shape[0], dtype=o.dtype)[:, None, None]",
    ),
    Bug(
        name="quantisation_over_the_batch",
        says="Rounding to 8 bits by the largest value of the whole batch.",
        expects=("batch", "causality"),
        mixed="""
            unit = o.abs().amax().clamp_min(1e-6) / 127
            o = o + ((o / unit).round() * unit - o).detach()
        """,
    ),
    Bug(
        name="mixup_in_training",
        says="In training, a tenth of another sequence, drawn at random, is mixed into each.",
        expects=_BATCH,
        mixed="if self.training:\n    o = 0.9 * o + 0.1 * o[torch.randperm(o.shape[0])]",
    ),
    Bug(
        name="mean_of_large_batches",
        says="Batches of eight and more sequences are centred by their mean, cut off from the gradient.",
        expects=("batch", "causality"),
        mixed="if o.shape[0] >= 8:\n    o = o - o.mean(dim=0, keepdim=True).detach()",
    ),
    Bug(
        name="carried_state",
        says="The last step of a call is kept on the layer and added in the next call.",
        expects=_BATCH,
        init="self.carried = None",
        mixed="""
            last = o[:, -1:].detach().mean(dim=0, keepdim=True)
            if self.carried is not None:
                o = o + self.carried.to(o)
            self.carried = last
        """,
    ),
    Bug(
        name="carried_state_in_the_module",
        says="The last step of a call is kept in a dictionary of the file and added in the next call of any layer.",
        expects=_BATCH,
        top="CARRIED = {}",
        mixed="""
            last = o[:, -1:].detach().mean(dim=0, keepdim=True)
            o = o + CARRIED.get("last", torch.zeros_like(last)).to(o)
            CARRIED["last"] = last
        """,
    ),
    Bug(
        name="buffer_that_learns",
        says="A buffer moves towards the inputs of each call and is added to the output.",
        expects=("batch", "overwrites"),
        init='self.register_buffer("memory", torch.zeros(d_model))',
        mixed="""
            o = o + self.memory
            self.memory.lerp_(o.detach().mean(dim=(0, 1)), 0.1)
        """,
    ),
)
