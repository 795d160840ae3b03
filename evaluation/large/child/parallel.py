"""One model on several ranks: whole on each (DDP), or in shares (FSDP2), and its tensors in one piece again."""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

from evaluation.large.child.ranks import Ranks
from evaluation.model import Model


def spread(model: Model, parallel: str, ranks: Ranks) -> nn.Module:
    """The model as it is called in training. Every rank has built the same one on its device."""
    if ranks.size == 1:
        return model
    if parallel == "ddp":
        devices = [ranks.device] if ranks.device.type == "cuda" else None
        # A design may hold parameters that no output depends on; the search for them costs a walk over the graph.
        return DistributedDataParallel(model, device_ids=devices, find_unused_parameters=True)
    # Shares stay float32 and autocast chooses the types of the arithmetic, exactly as without FSDP2. Its own mixed
    # precision would send half the bytes but round every parameter first, decays too.
    mesh = init_device_mesh(ranks.device.type, (ranks.size,))
    for layer in model.layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    return model


@contextlib.contextmanager
def syncing(model: nn.Module, now: bool) -> Iterator[None]:
    """Gradients of a backward pass in here are averaged over the ranks, or only added up on each."""
    if isinstance(model, FSDPModule):
        model.set_requires_gradient_sync(now)
        yield
    elif isinstance(model, DistributedDataParallel) and not now:
        with model.no_sync():
            yield
    else:
        yield


def inner(model: nn.Module) -> nn.Module:
    """The model itself, with the names of its parameters as one process knows them."""
    return model.module if isinstance(model, DistributedDataParallel) else model


def whole(tensor: Tensor) -> Tensor:
    """All shares of a tensor together. Every rank must call it."""
    tensor = tensor.detach()
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def shared_like(tensor: Tensor, like: Tensor) -> Tensor:
    """A whole tensor, or this rank's share of it if ``like`` is shared."""
    tensor = tensor.to(like.device)
    if isinstance(like, DTensor) and tensor.shape == like.shape:
        return distribute_tensor(tensor, like.device_mesh, like.placements)
    return tensor


@torch.no_grad()
def fill(model: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Copy whole tensors into a spread model. Names must be exactly those of its state dict."""
    own = inner(model).state_dict()
    if own.keys() != tensors.keys():
        raise ValueError(f"the checkpoint's weights {sorted(own.keys() ^ tensors.keys())[:3]} are not the model's.")
    for name, tensor in own.items():
        tensor.copy_(shared_like(tensors[name], tensor))
