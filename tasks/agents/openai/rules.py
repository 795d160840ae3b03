"""The rules of the checks in words for whoever writes designs, those first that the campaign's designs break most."""

from collections import Counter
from collections.abc import Sequence

from tasks.agents.openai.sections import Item, Shown, fill
from tasks.agents.protocols import Peer

RULES = {  # kind of failure -> how not to meet it
    "no_candidate": "Define class Candidate(nn.Module) with __init__(self, d_model, n_heads, **kwargs) and "
    "forward(self, x); import only torch, math, typing, einops and kernels.",
    "reaches_out": "Use public names of torch, math, typing, einops and kernels only: no files, processes, network, "
    "eval, exec, getattr tricks, private attributes, global state or changes to shared classes.",
    "not_causal": "Output t may depend on inputs up to t only: no flip, no softmax or norm or mean over time without "
    "a causal mask, no future tokens through chunk borders or padding.",
    "length_dependent": "The first c inputs alone must give the first c outputs of the whole: no normalisation by "
    "the length, no position counted from the end, no branch on the length.",
    "mixes_samples": "Rows of a batch never meet: no statistics over the batch, no state kept between calls.",
    "superlinear": "Work and memory grow at most as T^1.3: no [T, T] matrices, no full attention, and no Python loop "
    "over time that does more with every step.",
    "too_slow": "Training may take three times the reference's time: no Python loop over time; use the chunked "
    "kernels, linear_scan or short_conv.",
    "timed_out": "No Python loop over time steps, and nothing that waits.",
    "non_finite": "Stay finite for zeros, ones and inputs ten times larger: bound decays, normalise keys "
    "(l2_norm), add an epsilon before each division and root, keep exponents negative.",
    "diverged": "Start near a mild linear memory: small gates, keys of length one at most, decays below one.",
    "wrong_shape": "forward keeps [B, T, D] and the type of its input for every B from 1 and every T from 1, also "
    "for lengths that no chunk size divides.",
    "wrong_step": "If init_state and step are offered, step by step must equal forward, with a state of constant "
    "size; leave both out when unsure.",
    "too_many_parameters": "Keep the mixer near 4 d_model^2 parameters (the reference's own size): the MLP is made "
    "narrower to match the reference, and can only give so much.",
    "overwrites_parameters": "forward changes no parameter and no buffer.",
    "out_of_memory": "Build no tensor of size [B, T, K, V] or [B, T, T]: states live inside the kernels.",
    "crashed": "Test shapes in your head for T = 1 and T = 33; d_model and n_heads come as given; convert types "
    "where a kernel returns float32.",
    "invalid_output": "forward returns one tensor.",
    "duplicate": "The program must differ from every earlier one by more than names and layout.",
}


def rules(population: Sequence[Peer], budget: int = 5000) -> Shown:
    """The rules, those first that were broken most often, with how often."""
    broken = Counter(one.failure_kind for one in population if one.failure)
    ordered = sorted(RULES, key=lambda kind: -broken[kind])  # stable: the others keep their order
    return fill((Item(f"- {kind}{_times(broken[kind])}: {RULES[kind]}") for kind in ordered), budget)


def _times(count: int) -> str:
    return f" (broken by {count} design{'s' * (count != 1)} so far)" if count else ""
