"""Parameter counting and matching, in plain arithmetic: the parent counts without importing torch.

A parameter is any element of a model's state dict, buffers included, so that nothing can be hidden in a buffer.
"""

from evaluation.scales.frame import Frame

TOLERANCE = 0.02  # whole-model parameter count against the reference's
SMALLEST_MLP = 16


def frame_shapes(scale: Frame, mlp_hidden: int) -> dict[str, tuple[int, ...]]:
    """Name and shape of every parameter outside the mixers, as in the torch model of ``evaluation.model``."""
    d = scale.d_model
    shapes: dict[str, tuple[int, ...]] = {"embedding.weight": (scale.vocabulary, d), "smear": (d,)}
    for layer in range(scale.n_layers):
        shapes |= {
            f"layers.{layer}.mixer_norm.weight": (d,),
            f"layers.{layer}.mlp_norm.weight": (d,),
            f"layers.{layer}.mlp.gate_up.weight": (2 * mlp_hidden, d),
            f"layers.{layer}.mlp.down.weight": (d, mlp_hidden),
        }
    return shapes | {"norm.weight": (d,)}


def elements(shapes: dict[str, tuple[int, ...]]) -> int:
    """Total number of elements."""
    total = 0
    for shape in shapes.values():
        count = 1
        for extent in shape:
            count *= extent
        total += count
    return total


def model_parameters(scale: Frame, mixer_parameters: int, mlp_hidden: int) -> int:
    """Parameters of the whole model with the same mixer in every layer."""
    return elements(frame_shapes(scale, mlp_hidden)) + scale.n_layers * mixer_parameters


def frame_flops_per_token(scale: Frame, mlp_hidden: int) -> int:
    """FLOPs of the frame's matrix products for one token, forward: the MLPs and the head."""
    return 2 * scale.d_model * (3 * mlp_hidden * scale.n_layers + scale.vocabulary)


def matched_hidden(scale: Frame, mixer_parameters: int, reference_parameters: int) -> int | None:
    """The MLP width that brings the model within 2% of the reference's count; None when the mixer leaves no room."""
    without_mlp = model_parameters(scale, mixer_parameters, 0)
    width = round((reference_parameters - without_mlp) / (3 * scale.d_model * scale.n_layers))
    if width < SMALLEST_MLP:
        return None
    count = model_parameters(scale, mixer_parameters, width)
    return width if abs(count / reference_parameters - 1) <= TOLERANCE else None
