"""ASI-Arch's contract for a design, adapted to ours, so that its published files are checked and trained unchanged.

Such a file defines ``class DeltaNet(nn.Module)`` with ``__init__(hidden_size, num_heads, ...)`` and
``forward(hidden_states, attention_mask=None, past_key_values=None, use_cache=False, ...)`` that returns a tuple whose
first element is the output [B, T, D]. It imports modules of ``fla`` (flash-linear-attention), whose kernels need a GPU;
here plain-torch equivalents stand in for them. The contract is that of Liu et al., "AlphaGo Moment for Model
Architecture Discovery" (2025, arXiv 2507.18074); names, arguments and shapes are those of flash-linear-attention
(S. Yang and Y. Zhang, 2024, github.com/fla-org/flash-linear-attention, MIT), from its releases 0.3 and 0.6.

``contract`` and ``dtypes`` read text and never import torch; the parent may use them.
"""
