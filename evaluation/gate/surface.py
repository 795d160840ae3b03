"""What of the installed modules a design may touch, asked of the modules themselves.

A module is open only if it is listed. Of a module with a list of names only those are open; of the others, whatever is
public and was defined in an open module, so that what a module merely imported for itself leads nowhere.
"""

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from types import BuiltinFunctionType, ModuleType
from typing import Any

import torch

from evaluation.gate.names import CLOSED, NAMES, OPEN, TREES, constants_of_torch
from evaluation.gate.refused import Refused
from evaluation.gate.words import READABLE, attribute_complaint

ROOTS = ("torch", "math", "typing", "einops", "kernels")
_MISSING = object()
_SHARED = (torch.Tensor, torch.nn.Module)
_CORE = ("torch._C", "torch._tensor", "torch._VF")  # where torch's own operations and types are defined


@dataclass(frozen=True)
class Known:
    """A real object that an expression of the design certainly means, and the name that it was reached by."""

    value: Any
    name: str

    @property
    def is_module(self) -> bool:
        return isinstance(self.value, ModuleType)

    @property
    def is_shared_class(self) -> bool:
        """One of the classes whose change would change all layers and tensors."""
        return any(self.value is shared for shared in _SHARED)

    @property
    def is_tensor_class(self) -> bool:
        return isinstance(self.value, type) and issubclass(self.value, torch.Tensor)


class Surface:
    """The open part of torch, math, typing, einops, kernels, and of packages that an adapter offers."""

    def __init__(self, extra_imports: tuple[str, ...]) -> None:
        self._extra = tuple(extra_imports)
        self._names = NAMES | {"torch": NAMES["torch"] | constants_of_torch()}
        self._seen: dict[tuple[str, str], Known] = {}
        kernels = importlib.import_module("kernels")
        self._names["kernels"] = frozenset(kernels.__all__)
        self._kernels = [getattr(kernels, name) for name in kernels.__all__]

    def module(self, name: str, line: int) -> Known | None:
        """The module that an import statement names; None if it is not installed. Raises Refused."""
        root = name.split(".")[0]
        if root not in (*ROOTS, *self._extra):
            allowed = ", ".join((*ROOTS, *self._extra))
            raise Refused(line, f"imports {name!r}, but designs may import only {allowed}")
        self._require_open(name, name, line)
        try:
            return Known(importlib.import_module(name), name)
        except ImportError:
            return None

    def imported(self, base: Known, name: str, line: int) -> Known | None:
        """What ``from base import name`` binds; None if an adapter's package lacks it, which its importer will say."""
        extra = base.name.split(".")[0] in self._extra
        return None if extra and not hasattr(base.value, name) else self.attribute(base, name, line)

    def attribute(self, base: Known, name: str, line: int) -> Known:
        """What ``base``.``name`` is. Raises Refused, also if there is no such name: the error would carry ``base``."""
        complaint = attribute_complaint(name)
        if complaint is not None:
            raise Refused(line, f"uses {base.name}.{name}, which {complaint}")
        if name.startswith("_") and name not in READABLE:
            raise Refused(line, f"uses {base.name}.{name}, which is private to {base.name.split('.')[0]}")
        if not base.is_module:
            found = Known(getattr(base.value, name, _MISSING), f"{base.name}.{name}")
            self._require_present(found.value, base, name, line)
            if found.is_module:
                self._require_open(found.value.__name__, found.name, line)
            return found
        key = (base.value.__name__, name)
        if key not in self._seen:
            self._seen[key] = self._of_module(base, name, line)
        return self._seen[key]

    def _of_module(self, base: Known, name: str, line: int) -> Known:
        module: ModuleType = base.value
        full = f"{module.__name__}.{name}"
        if full in CLOSED:
            raise Refused(line, f"uses {base.name}.{name}, which {CLOSED[full]}")
        value = self._value(module, name)
        if isinstance(value, ModuleType):
            self._require_open(value.__name__, f"{base.name}.{name}", line)
        self._require_present(value, base, name, line)
        if not isinstance(value, ModuleType) and not self._is_open(module, name, value):
            raise Refused(line, f"uses {base.name}.{name}, which is not among the names that designs may use")
        return Known(value, f"{base.name}.{name}")

    def _value(self, module: ModuleType, name: str) -> Any:
        # Not getattr for torch: its modules load more of themselves when asked for a name that they do not have yet.
        if module.__name__.split(".")[0] in self._extra:
            return getattr(module, name, _MISSING)
        if name in vars(module):
            return vars(module)[name]
        full = f"{module.__name__}.{name}"
        if _open_module(full) and hasattr(module, "__path__") and importlib.util.find_spec(full) is not None:
            return importlib.import_module(full)
        return sys.modules.get(full, _MISSING)

    def _require_present(self, value: Any, base: Known, name: str, line: int) -> None:
        if value is _MISSING:
            raise Refused(line, f"uses {base.name}.{name}, but {base.name} has no such name")

    def _is_open(self, module: ModuleType, name: str, value: Any) -> bool:
        here = module.__name__
        root = here.split(".")[0]
        if root in self._extra or root == "math":
            return True
        if here in self._names:
            return name in self._names[here]
        if root == "kernels":
            return any(value is exported for exported in self._kernels)
        home = getattr(value, "__module__", None)
        if home is None:
            return not callable(value) or isinstance(value, BuiltinFunctionType)
        return _open_module(home) or home.startswith(_CORE)

    def _require_open(self, module: str, name: str, line: int) -> None:
        for closed in _parents(module):
            if closed in CLOSED:
                raise Refused(line, f"reaches {name}, which {CLOSED[closed]}")
        root = module.split(".")[0]
        if root not in (*ROOTS, *self._extra):
            raise Refused(line, f"reaches the module {module} as {name}, which lies outside of what designs may use")
        if root in ("torch", "einops") and not _open_module(module):
            raise Refused(line, f"reaches the module {name}, which is not among those that designs may use")


def _open_module(name: str) -> bool:
    return name in OPEN or name.startswith(tuple(f"{tree}." for tree in TREES))


def _parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
