"""The open modules of torch and einops, the open names of those that also hold closed ones, and why the rest is closed.

Lists of what is open, not of what is bad: a name that a later torch adds stays closed until somebody has looked at it.
"""

import typing

import torch

from evaluation.gate.words import each

OPEN = each(
    "torch torch.nn torch.nn.functional torch.nn.init torch.nn.parameter torch.nn.modules torch.nn.grad "
    "torch.nn.attention torch.nn.utils torch.nn.utils.parametrizations torch.nn.utils.parametrize torch.nn.utils.rnn "
    "torch.fft torch.linalg torch.special torch.signal torch.signal.windows torch.functional torch.func "
    "torch.autograd torch.autograd.function torch.autograd.functional torch.amp torch.cuda torch.cuda.amp "
    "torch.compiler torch.distributions torch.jit torch.types torch.utils torch.utils.checkpoint torch.version "
    "einops einops.einops einops.layers einops.layers.torch"
)
TREES = ("torch.nn.modules", "torch.distributions")
"""Modules whose submodules are all open."""

_FUNCTIONS = (
    "is_tensor is_grad_enabled is_inference_mode_enabled no_grad enable_grad inference_mode set_grad_enabled compile "
    "autocast is_autocast_enabled is_autocast_cpu_enabled get_autocast_dtype get_autocast_gpu_dtype "
    "get_autocast_cpu_dtype get_default_dtype get_default_device vmap cond typename sym_float sym_int sym_max sym_min "
    "sym_not sym_sqrt finfo iinfo Generator Tensor Size dtype device layout memory_format e pi inf nan newaxis "
    "FloatTensor DoubleTensor HalfTensor BFloat16Tensor LongTensor IntTensor ShortTensor ByteTensor CharTensor "
    "BoolTensor __version__"
)
_TYPING_CLOSED = {"get_type_hints", "ForwardRef", "evaluate_forward_ref"}
_TYPING_PARTS = {"get_args", "get_origin"}

NAMES: dict[str, frozenset[str]] = {
    "torch": each(_FUNCTIONS) | frozenset(torch.functional.__all__),
    "typing": frozenset(typing.__all__) - _TYPING_CLOSED - _TYPING_PARTS,
    "torch.amp": each("autocast custom_fwd custom_bwd is_autocast_available"),
    "torch.autograd": each("Function Variable grad backward enable_grad no_grad inference_mode set_grad_enabled"),
    "torch.autograd.function": each("Function FunctionCtx once_differentiable"),
    "torch.compiler": each("compile disable is_compiling is_dynamo_compiling is_exporting"),
    "torch.cuda": each(
        "is_available is_bf16_supported device_count current_device get_device_capability get_device_name "
        "get_device_properties"
    ),
    "torch.cuda.amp": each("autocast custom_fwd custom_bwd"),
    "torch.func": each(
        "functional_call grad grad_and_value vjp jvp jacrev jacfwd hessian linearize vmap stack_module_state"
    ),
    "torch.jit": each("ignore unused export Final annotate is_scripting is_tracing"),
    "torch.nn.attention": each("SDPBackend sdpa_kernel"),
    "torch.nn.parameter": each("Parameter Buffer"),
    "torch.nn.utils": each(
        "clip_grad_norm_ clip_grad_value_ parameters_to_vector vector_to_parameters spectral_norm weight_norm "
        "remove_spectral_norm remove_weight_norm skip_init"
    ),
    "torch.nn.utils.parametrizations": each("orthogonal spectral_norm weight_norm"),
    "torch.nn.utils.parametrize": each("register_parametrization remove_parametrizations is_parametrized cached"),
    "torch.types": each("Device Number Tensor"),
    "torch.utils": frozenset(),
    "torch.utils.checkpoint": each("checkpoint checkpoint_sequential"),
    "torch.version": each("cuda hip"),
    "einops": each("rearrange reduce repeat einsum pack unpack parse_shape EinopsError"),
    "einops.einops": each("rearrange reduce repeat einsum parse_shape EinopsError"),
    "einops.layers": frozenset(),
    "einops.layers.torch": each("Rearrange Reduce EinMix"),
}

_SEEDS = "changes the random numbers of the harness; draw from a torch.Generator of your own"
_SETTINGS = "changes settings of the whole process"
_FILES = "reads or writes files"
_CODE = "loads or runs code from elsewhere"
_INSIDE = "is torch's inside"
_TYPE_TEXT = "runs text as code"
CLOSED: dict[str, str] = {
    **dict.fromkeys(
        each(
            "torch.manual_seed torch.seed torch.initial_seed torch.get_rng_state torch.set_rng_state torch.random "
            "torch.default_generator torch.cuda.manual_seed torch.cuda.manual_seed_all"
        ),
        _SEEDS,
    ),
    **dict.fromkeys(
        each(
            "torch.set_default_dtype torch.set_default_device torch.set_default_tensor_type torch.set_num_threads "
            "torch.set_num_interop_threads torch.set_float32_matmul_precision torch.use_deterministic_algorithms "
            "torch.set_flush_denormal torch.set_printoptions torch.set_warn_always torch.backends "
            "torch.autograd.set_detect_anomaly torch.autograd.set_multithreading_enabled torch.set_anomaly_enabled"
        ),
        _SETTINGS,
    ),
    **dict.fromkeys(
        each(
            "torch.load torch.save torch.from_file torch.serialization torch.UntypedStorage torch.PyTorchFileReader "
            "torch.PyTorchFileWriter torch.storage torch.autograd.graph torch.utils.data torch.onnx"
        ),
        _FILES,
    ),
    **dict.fromkeys(
        each(
            "torch.hub torch.package torch.library torch.ops torch.classes torch.export torch.fx "
            "torch.import_ir_module torch.utils.cpp_extension torch.cpp torch.jit.load torch.jit.save torch.jit.trace"
        ),
        _CODE,
    ),
    "torch.jit.script": "evaluates types that are written in comments; leave it out, or use torch.compile",
    **dict.fromkeys(each("torch._C torch._dynamo torch._inductor torch.utils._python_dispatch"), _INSIDE),
    **dict.fromkeys(
        each(
            "torch.multiprocessing torch.distributed torch.futures torch.fork torch.wait torch.jit.fork "
            "torch.nn.parallel"
        ),
        "starts other processes or threads",
    ),
    **dict.fromkeys(each("torch.overrides torch.utils.hooks torch.profiler"), "changes how torch itself runs"),
    "torch.optim": "is for training, and the harness trains all designs alike",
    **{f"typing.{name}": _TYPE_TEXT for name in _TYPING_CLOSED},
    **{f"typing.{name}": "takes classes that all layers share out of types" for name in _TYPING_PARTS},
}
"""Module or name -> why it is closed, for those whose reason a list does not show."""


def constants_of_torch() -> frozenset[str]:
    """Operations (torch.softmax), types (torch.float32), layouts and memory formats of the installed torch."""
    operations = {name for name in dir(torch._C._VariableFunctions) if not name.startswith("_")}
    kinds = (torch.dtype, torch.layout, torch.memory_format)
    constants = {name for name, value in vars(torch).items() if isinstance(value, kinds)}
    return frozenset((operations | constants) - {"from_file", "frombuffer", "from_numpy"})
