"""Names that a design may not use whatever they are attached to, and the few double-underscore names that it may."""

import ast
import builtins


def each(text: str) -> frozenset[str]:
    """The words of a list that is written as one text."""
    return frozenset(text.split())


_FRAMES = "leads to the frames of running code"
_UNMETERED = "takes data out of torch, where no meter sees the work"

ATTRIBUTES: dict[str, str] = {
    **dict.fromkeys(
        each(
            "gi_frame gi_code gi_yieldfrom cr_frame cr_code cr_await cr_origin ag_frame ag_code ag_await f_back "
            "f_builtins f_code f_globals f_locals f_trace tb_frame tb_next func_globals func_code func_closure "
            "co_code co_consts"
        ),
        _FRAMES,
    ),
    **dict.fromkeys(
        each(
            "numpy data_ptr storage untyped_storage typed_storage _typed_storage share_memory_ apply_ map_ map2_ "
            "to_dlpack"
        ),
        _UNMETERED,
    ),
    **dict.fromkeys(
        each("grad_fn next_functions"), "walks the graph of computation out of the layer into the model around it"
    ),
    "mro": "leads to the classes that all layers share",
    "as_subclass": "makes tensors that replace torch's functions",
    "_make_subclass": "makes tensors that replace torch's functions",
    "_make_wrapper_subclass": "makes tensors that replace torch's functions",
    "register_post_accumulate_grad_hook": "runs an optimiser of its own beside the harness's",
    "_C": "is torch's inside",
    "_dynamo": "is torch's inside",
    "_inductor": "is torch's inside",
}
"""Attribute name -> why it is refused."""

METHODS = each("forward backward train eval parameters named_parameters state_dict load_state_dict")
"""Methods of torch's modules that are not replaced by assignment: their owner may be a class that others share."""

FORMATS = ("format", "format_map")
"""Methods of texts that read attributes by name."""

READABLE = each("__init__ __post_init__ __name__ __version__ __call__ __len__ __getitem__ __repr__ __str__ __iter__")
"""Double-underscore attributes that may be read."""

DEFINABLE = each(
    "__init__ __call__ __len__ __getitem__ __setitem__ __contains__ __iter__ __next__ __repr__ __str__ __enter__ "
    "__exit__ __bool__ __post_init__ __add__ __radd__ __sub__ __mul__ __rmul__ __truediv__ __neg__ __matmul__"
)
"""Double-underscore methods that a class of the design may define."""

ASSIGNABLE = each("__all__ __version__ __author__ __slots__ __constants__")
"""Double-underscore names that a file or class may set."""

_EXCEPTIONS = frozenset(
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, Exception)
)
SPECIAL = each("getattr setattr delattr hasattr type super")
"""Builtins that may be called, in the ways that the reader follows, and never be passed around."""

BUILTINS = (
    each(
        "abs all any bool bytes callable chr complex dict divmod enumerate filter float format frozenset hash hex id "
        "int isinstance issubclass iter len list map max min next object oct ord pow print property range repr "
        "reversed round set slice sorted staticmethod classmethod str sum tuple zip Ellipsis NotImplemented "
        "__name__"
    )
    | _EXCEPTIONS
    | SPECIAL
)
REFUSED_BUILTINS = frozenset(vars(builtins)) - BUILTINS
"""Every other builtin: open, exec, eval, compile, __import__, globals, locals, vars, dir, input, memoryview, ..."""


def is_dunder(name: str) -> bool:
    """Whether Python gives the name a meaning of its own."""
    return name.startswith("__") and name.endswith("__")


def attribute_complaint(name: str) -> str | None:
    """Why ``name`` may not be read from anything, or None."""
    if is_dunder(name) and name not in READABLE:
        return "is a double-underscore name that leads out of the design"
    if name.startswith(("register_module_", "_saved_")):
        return "reaches into every module or function of the process"
    return ATTRIBUTES.get(name)


def literal_attribute(call: ast.Call) -> str | None:
    """The attribute that a call of getattr, setattr or delattr names by a written-out string."""
    if len(call.args) >= 2 and isinstance(call.args[1], ast.Constant) and isinstance(call.args[1].value, str):
        return call.args[1].value
    return None


def safe_computed(name: ast.expr) -> bool:
    """Whether a computed attribute name begins or ends with text that no refused name has there: f"conv_{i}"."""
    return _safe_start(_written_start(name)) or _safe_end(_written_end(name))


def _safe_start(text: str) -> bool:
    refused = (*ATTRIBUTES, *METHODS, *FORMATS, "register_module_")
    starts_one = any(word.startswith(text) for word in refused) or text.startswith("register_module_")
    return bool(text) and not text.startswith("_") and not starts_one


def _safe_end(text: str) -> bool:
    # Double-underscore names end in "_", and hooks on every module of the process in "hook".
    refused = (*ATTRIBUTES, *METHODS, *FORMATS)
    ends_one = any(word.endswith(text) for word in refused) or text.endswith(("_", "hook"))
    return len(text) > 2 and text.startswith("_") and not ends_one


def _written_end(node: ast.expr) -> str:
    # The literal text that the value of a string expression certainly ends with.
    if isinstance(node, ast.JoinedStr):
        return _written_end(node.values[-1]) if node.values else ""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _written_end(node.right)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _written_start(node: ast.expr) -> str:
    # The literal text that the value of a string expression certainly begins with.
    if isinstance(node, ast.JoinedStr):
        return _written_start(node.values[0]) if node.values else ""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _written_start(node.left)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return _written_start(node.left).split("%")[0]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
