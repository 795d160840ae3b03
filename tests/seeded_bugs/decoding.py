"""Bugs of step(), which decodes one step at a time: it disagrees with forward, or its state grows."""

from tests.seeded_bugs.edit import Bug

_DECODING = ("decoding",)

DECODING_BUGS = (
    Bug(
        name="step_forgets_the_normaliser",
        says="step returns the weighted sum without dividing by the weights.",
        expects=_DECODING,
        decoding=True,
        step_reads="o = total",
    ),
    Bug(
        name="step_decays_what_it_writes",
        says="step applies the decay after the write, so that the newest value is decayed once too often.",
        expects=_DECODING,
        decoding=True,
        step_writes="written, weight = kept * written, kept * weight",
    ),
    Bug(
        name="step_never_fades_the_normaliser",
        says="step lets the weighted sum fade, but not the weights that it is divided by.",
        expects=_DECODING,
        decoding=True,
        step_writes="below = below / kept",
    ),
    Bug(
        name="step_keeps_its_window",
        says="The short convolution's window never moves on.",
        expects=_DECODING,
        decoding=True,
        step_reads="recent = recent.roll(1, dims=1)",
    ),
    Bug(
        name="step_forgets_after_64",
        says="step starts afresh every 64 steps.",
        expects=_DECODING,
        decoding=True,
        init="self.steps = 0",
        step_writes="self.steps += 1\nif self.steps % 64 == 0:\n    kept = torch.zeros_like(kept)",
    ),
    Bug(
        name="step_keeps_state_on_the_layer",
        says="The state lives on the layer, so that a second sequence goes on where the first one ended.",
        expects=("decoding", "crashed"),
        decoding=True,
        step_writes='above, below = getattr(self, "memory", (above, below))',
        step_reads="self.memory = above, below",
    ),
    Bug(
        name="step_centres_the_batch",
        says="step subtracts the mean over the sequences that are decoded together.",
        expects=("decoding", "batch"),
        decoding=True,
        step_reads="o = o - o.mean(dim=0, keepdim=True)",
    ),
    Bug(
        name="step_runs_all_again",
        says="step keeps every input and runs forward on all of them: right, but the state grows.",
        expects=("decoding", "complexity"),
        methods="""
            def init_state(self, batch_size):
                return self.taps.new_zeros(batch_size, 0, self.taps.shape[0])

            def step(self, x_t, state):
                state = torch.cat([state, x_t.unsqueeze(1)], dim=1)
                return self(state)[:, -1], state
        """,
    ),
)
