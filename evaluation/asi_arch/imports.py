"""``import fla...`` and ``import transformers...`` inside the child: our plain-torch equivalents, and nothing else.

The finder goes in front of all others, so that it does not matter whether the real packages are installed. It stays for
the rest of the process: some designs import inside their constructor or forward. Torch is loaded on the first use only.
"""

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_HERE = "evaluation.asi_arch"

_NORMS = (
    "RMSNorm LayerNorm GroupNorm FusedRMSNormGated FusedRMSNormSwishGate FusedLayerNormGated FusedLayerNormSwishGate"
)
_DELTA = {"chunk_delta_rule": "chunk_delta_rule", "fused_recurrent_delta_rule": "chunk_delta_rule"}
_GATED_DELTA = {
    "chunk_gated_delta_rule": "chunk_gated_delta_rule",
    "fused_recurrent_gated_delta_rule": "fused_recurrent_gated_delta_rule",
}
_KDA = {"chunk_kda": "chunk_gated_delta_rule"}
_GLA = {"chunk_gla": "chunk_gla", "fused_recurrent_gla": "fused_recurrent_gla"}
_SIMPLE_GLA = {
    "chunk_simple_gla": "chunk_simple_gla",
    "fused_chunk_simple_gla": "chunk_simple_gla",
    "fused_recurrent_simple_gla": "chunk_simple_gla",
}
_RETENTION = {
    "chunk_retention": "chunk_retention",
    "fused_chunk_retention": "chunk_retention",
    "fused_recurrent_retention": "chunk_retention",
}
_LINEAR = {
    "chunk_linear_attn": "chunk_linear_attn",
    "fused_chunk_linear_attn": "chunk_linear_attn",
    "fused_recurrent_linear_attn": "fused_recurrent_linear_attn",
}
_HGRN = {"chunk_hgrn": "chunk_hgrn", "fused_recurrent_hgrn": "chunk_hgrn"}


def _from(file: str, names: str | dict[str, str]) -> dict[str, tuple[str, str]]:
    """Name offered -> (our module, its name there)."""
    table = {name: name for name in names.split()} if isinstance(names, str) else names
    return {name: (f"{_HERE}.{file}", ours) for name, ours in table.items()}


def _operations(**families: dict[str, str]) -> dict[str, dict[str, tuple[str, str]]]:
    """fla.ops.<family> for each family, and fla.ops with all of them."""
    modules = {f"fla.ops.{family}": _from("operations", names) for family, names in families.items()}
    return modules | {"fla.ops": {name: where for module in modules.values() for name, where in module.items()}}


PROVIDED: dict[str, dict[str, tuple[str, str]]] = {
    "fla": {},
    "fla.layers": {},
    "fla.layers.utils": _from(
        "padding", "get_unpad_data index_first_axis index_put_first_axis pad_input unpad_input"
    ),
    "fla.models": {},
    "fla.models.utils": _from("cache", "Cache"),
    "fla.modules": _from("norms", f"{_NORMS} L2Norm") | _from("convolution", "ShortConvolution"),
    "fla.modules.convolution": _from("convolution", "ShortConvolution"),
    "fla.modules.l2norm": _from("norms", {"l2norm": "l2norm", "l2_norm": "l2norm", "L2Norm": "L2Norm"}),
    "fla.modules.layernorm": _from("norms", "RMSNorm LayerNorm GroupNorm"),
    "fla.modules.fused_norm_gate": _from(
        "norms", "FusedRMSNormGated FusedRMSNormSwishGate FusedLayerNormGated FusedLayerNormSwishGate"
    ),
    **_operations(
        delta_rule=_DELTA, gated_delta_rule=_GATED_DELTA, kda=_KDA, gla=_GLA, simple_gla=_SIMPLE_GLA,
        retention=_RETENTION, linear_attn=_LINEAR, hgrn=_HGRN,
    ),
    "transformers": {},
    "transformers.cache_utils": _from("cache", "Cache"),
    "transformers.processing_utils": {"Unpack": ("typing", "Unpack")},
    "transformers.utils": {},
    "transformers.utils.logging": {"get_logger": ("logging", "getLogger")},
}  # fmt: skip
"""Module offered -> name offered -> (module it is taken from, its name there)."""


class Finder(MetaPathFinder):
    """Resolves every module of fla and transformers, or says that it is not provided."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package = fullname.partition(".")[0]
        if package not in ("fla", "transformers"):
            return None
        if fullname not in PROVIDED:
            there = [name.partition(".")[2] for name, names in PROVIDED.items() if names and name.startswith(package)]
            raise ImportError(
                f"{fullname} is not provided to designs in ASI-Arch's form; of {package} there are {', '.join(there)}.",
                name=fullname,
            )
        return ModuleSpec(fullname, _Filler(), is_package=True)


class _Filler(Loader):
    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Provided(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Names are filled in when they are first asked for."""


class _Provided(ModuleType):
    def __getattr__(self, name: str) -> Any:
        """A provided name or submodule; ImportError for any other, which is what ``from m import name`` shows."""
        offered = PROVIDED[self.__name__]
        if f"{self.__name__}.{name}" in PROVIDED:
            return importlib.import_module(f"{self.__name__}.{name}")
        if name in offered:
            module, attribute = offered[name]
            value = getattr(importlib.import_module(module), attribute)
            setattr(self, name, value)
            return value
        if name.startswith("__"):
            raise AttributeError(name)  # Python itself looks for these
        raise ImportError(
            f"{name} is not among what {self.__name__} provides to designs in ASI-Arch's form: "
            f"{', '.join(offered) or 'nothing but its submodules'}.",
            name=self.__name__,
        )


def install() -> None:
    """Put the finder in front, and forget any real fla or transformers that was imported before."""
    if any(isinstance(finder, Finder) for finder in sys.meta_path):
        return
    for name in [name for name in sys.modules if name.partition(".")[0] in ("fla", "transformers")]:
        del sys.modules[name]
    sys.meta_path.insert(0, Finder())
