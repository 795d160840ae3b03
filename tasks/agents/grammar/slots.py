"""The slots of the grammar in words: the question that each one answers, and what each choice means."""

from pydantic import BaseModel, ConfigDict


class Slot(BaseModel):
    """One question about a design and its possible answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    question: str
    choices: dict[str, str]  # choice -> its meaning in one line


def _slot(title: str, question: str, **choices: str) -> Slot:
    return Slot(title=title, question=question, choices=choices)


SLOTS: dict[str, Slot] = {
    "memory_rule": _slot(
        "Memory rule",
        "How does a token change the state?",
        linear="adds k v^T to a matrix state",
        delta="replaces what the key retrieves by the new value, in a matrix state",
        scan="a gated running average per channel, with a vector state and no keys",
    ),
    "decay": _slot(
        "Decay",
        "What decides how fast the state forgets?",
        none="nothing is forgotten",
        fixed="one constant rate per head",
        per_head="a rate per head that depends on the token",
        per_channel="a rate per key channel that depends on the token",
        bounded="a rate per channel that depends on the token, above a learnt lower bound",
    ),
    "decay_span": _slot(
        "Decay span",
        "How far back do the heads remember at the start of training?",
        short="2 to 16 tokens across heads",
        long="32 to 512 tokens across heads",
        spread="4 to 256 tokens across heads",
    ),
    "feature_map": _slot(
        "Feature map",
        "What is applied to queries and keys before they meet the state?",
        identity="nothing",
        silu="SiLU: mostly positive, a little signed",
        elu1="ELU + 1: positive and smooth",
        relu2="squared ReLU: positive and sparse",
        softmax="softmax over the channels: positive, sums to one",
    ),
    "key_norm": _slot(
        "Key norm",
        "How are queries and keys normalised?",
        none="not at all",
        l2="to unit length",
        rms="to unit mean square, with a learnt gain per channel",
    ),
    "write_strength": _slot(
        "Write strength",
        "How strongly is each token written?",
        one="always fully",
        sigmoid="between 0 and 1 per head, from the token",
        double="between 0 and 2 per head, from the token: the state may flip sign along a key",
        tied="as much as is forgotten: 1 - exp(decay)",
    ),
    "short_conv": _slot(
        "Short convolution",
        "Which projections see the last few tokens?",
        none="none of them",
        qkv2="queries, keys and values: 2 tokens",
        qkv4="queries, keys and values: 4 tokens",
        qk4="queries and keys: 4 tokens",
        v4="values: 4 tokens",
    ),
    "output_gate": _slot(
        "Output gate",
        "How does the token choose what passes to the output?",
        none="everything passes",
        sigmoid="a sigmoid gate per channel",
        silu="a SiLU gate per channel",
        head_scalar="one sigmoid gate per head",
    ),
    "output_norm": _slot(
        "Output norm",
        "How is each head's read normalised?",
        none="not at all; a linear memory with positive features divides by what it has written",
        rms="to unit mean square, with a learnt gain",
        layer="layer norm, with learnt gain and bias",
        l2="to a fixed length, with no gain",
    ),
    "local_branch": _slot(
        "Local branch",
        "What looks at the nearest tokens beside the memory?",
        none="nothing",
        window16="softmax attention over the last 16 tokens",
        window32="softmax attention over the last 32 tokens",
        conv8="a depthwise convolution of the values over 8 tokens",
    ),
    "fusion": _slot(
        "Fusion",
        "How are memory and local branch joined?",
        sum="they are added",
        learned_scalar="one learnt share per head",
        content_gate="a softmax per token over the branches, from the token and the loudness of each branch, with a "
        "learnt sharpness per head (after ContentSharpRouter of ASI-Arch)",
        hierarchical="a first gate splits local against global, a second one opens each path (after PathGateFusionNet "
        "of ASI-Arch)",
        concat="side by side into a wider output projection",
    ),
    "token_shift": _slot(
        "Token shift",
        "Do the projections see a blend with the previous token?",
        none="no",
        static="yes, a learnt blend per channel and projection",
        dynamic="yes, a blend that also depends on the token, through a low rank",
    ),
    "head_temperature": _slot(
        "Head temperature",
        "What sets how sharply a head looks?",
        none="the projections alone",
        learned="a learnt scale per head on the query, before the feature map",
        content="a scale per head and token on the query, before the feature map",
    ),
    "value_skip": _slot(
        "Value skip",
        "Is there a direct path from a token's value to its head's output?",
        none="no",
        per_head="yes, with a learnt scale per head",
        gated="yes, with a gate per head from the token",
    ),
    "position": _slot(
        "Position",
        "Do queries and keys know where they are?",
        none="only through the memory's own order",
        rotary="rotary embedding of queries and keys",
    ),
    "timescales": _slot(
        "Timescales",
        "How many memories does a head keep?",
        one="one",
        two="two that share queries, keys and values, one of which forgets more slowly; mixed per head",
    ),
    "rank": _slot(
        "Rank",
        "How wide are the projections of the gate and of a decay per channel?",
        full="as wide as the model",
        low="through an eighth of the width",
    ),
}
