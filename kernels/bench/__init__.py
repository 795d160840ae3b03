"""How fast the ops are, beside fla, softmax attention and a roofline: ``python -m kernels.bench``."""
