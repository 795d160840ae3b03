"""How fast the ops are, beside fla, softmax attention and what the device allows: ``python -m kernels.bench``."""
