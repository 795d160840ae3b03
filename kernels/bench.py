"""How fast each op trains on one CPU thread: ``python -m kernels.bench [--batch 24 --length 128 --heads 2 ...]``."""

import argparse
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

import kernels


def cases(batch: int, length: int, heads: int, width: int) -> dict[str, tuple[Callable[..., Tensor], list[Tensor]]]:
    """Each op as a function of tensors that need gradients, at [batch, length, heads, width] or [.., heads * width]."""

    def head() -> Tensor:
        return torch.randn(batch, length, heads, width)

    def flat() -> Tensor:
        return torch.randn(batch, length, heads * width)

    q, k, v = kernels.l2_norm(head()), kernels.l2_norm(head()), head()
    beta = torch.rand(batch, length, heads)
    per_head, per_channel = F.logsigmoid(torch.randn(batch, length, heads)), F.logsigmoid(head())
    return {
        "chunk_linear": (lambda *x: kernels.chunk_linear(*x)[0], [q, k, v]),
        "chunk_linear, decay per head": (lambda *x: kernels.chunk_linear(*x)[0], [q, k, v, per_head]),
        "chunk_linear, decay per channel": (lambda *x: kernels.chunk_linear(*x)[0], [q, k, v, per_channel]),
        "chunk_delta": (lambda *x: kernels.chunk_delta(*x)[0], [q, k, v, beta]),
        "chunk_delta, decay per head": (lambda *x: kernels.chunk_delta(*x)[0], [q, k, v, beta, per_head]),
        "chunk_delta, decay per channel": (lambda *x: kernels.chunk_delta(*x)[0], [q, k, v, beta, per_channel]),
        "linear_scan": (kernels.linear_scan, [torch.rand(batch, length, heads * width), flat()]),
        "short_conv": (kernels.short_conv, [flat(), torch.randn(heads * width, 4)]),
        "rms_norm_gate": (kernels.rms_norm_gate, [flat(), torch.ones(heads * width), flat()]),
        "l2_norm": (kernels.l2_norm, [head()]),
        "rotary": (kernels.rotary, [head()]),
        "window_attention(32)": (lambda q, k, v: kernels.window_attention(q, k, v, 32), [head(), head(), head()]),
        "softmax attention (torch)": (_softmax, [head(), head(), head()]),
    }


def _softmax(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    o: Tensor = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return o


def milliseconds(op: Callable[..., Tensor], tensors: list[Tensor], repeats: int) -> float:
    """The median CPU time of one forward and backward pass."""
    tensors = [x.detach().requires_grad_() for x in tensors]
    seed = torch.randn_like(op(*tensors))
    times = []
    for _ in range(repeats):
        started = time.process_time()
        torch.autograd.grad(op(*tensors), tensors, seed)
        times.append(time.process_time() - started)
    return 1e3 * sorted(times)[repeats // 2]


def main() -> None:
    parser = argparse.ArgumentParser(description="Forward + backward time of each op, one CPU thread, float32.")
    for name, default in {"batch": 24, "length": 128, "heads": 2, "width": 32, "repeats": 15}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    tokens = given.batch * given.length
    print(f"B {given.batch}, T {given.length}, H {given.heads}, K = V = {given.width}, forward + backward, one thread")
    for name, (op, tensors) in cases(given.batch, given.length, given.heads, given.width).items():
        spent = milliseconds(op, tensors, given.repeats)
        print(f"{name:34s} {spent:8.2f} ms {tokens / spent:8.0f} thousand tokens per CPU-second")


if __name__ == "__main__":
    main()
