"""Can the model be matched to the reference's parameter count by its MLP width alone?"""

from collections.abc import Mapping

from evaluation.arrays import Array
from evaluation.checks.plan import Judgement, failed, passed
from evaluation.scales.frame import Frame
from evaluation.size import SMALLEST_MLP, TOLERANCE, matched_hidden, model_parameters

_NAME = "parameters"


def count(state: Mapping[str, Array]) -> int:
    """Elements of one mixing layer's state dict, buffers included."""
    return sum(int(array.size) for array in state.values())


def judge(scale: Frame, mixer: int, reference: int) -> Judgement:
    """Pass when some MLP width brings the whole model within 2% of ``reference``."""
    hidden = matched_hidden(scale, mixer, reference)
    if hidden is None:
        smallest = model_parameters(scale, mixer, SMALLEST_MLP)
        room = (reference - model_parameters(scale, 0, SMALLEST_MLP)) // scale.n_layers
        return failed(
            _NAME,
            "too_many_parameters",
            f"One mixing layer has {mixer} parameters; even with the smallest MLP the model has {smallest}, "
            f"against the reference's {reference} (allowed: within {TOLERANCE:.0%}).",
            f"Use at most {room} parameters in the mixer at d_model {scale.d_model}: low-rank projections.",
            mixer=mixer,
        )
    total = model_parameters(scale, mixer, hidden)
    return passed(
        _NAME, f"{mixer} in the mixer; {total} in all with MLP width {hidden}, reference {reference}", mixer=mixer
    )
