"""Matrix products into memory that is there already, each by the library that is quick for it."""

from functools import partial

import numpy as np
import torch

from .seeding import openblas

__all__ = ["product", "sum_of_rows"]

# Multiplications from which a library must be good at its kernels more than at being called.
LARGE = 2**22

# Inner dimension up to which a product takes no longer than adding to it afterwards.
THIN = 3

# Columns from which on products by MKL fill the registers of AVX2.
WIDE = 16

# OpenBLAS's kernels that use the widest registers, as torch calls these.
WIDEST = {"AVX512": {"SkylakeX", "Cooperlake", "SapphireRapids"}, "AVX2": {"Haswell", "Zen"}}


def product(a, b, out, plus=None):
    """A call that writes ``a @ b``, or ``plus + a @ b``, into ``out``, which ``plus`` may be.

    All are matrices, or as many matrices each, along a first axis.

    torch takes MKL for float32, which knows the widest registers of its maker's processors
    alone. NumPy's OpenBLAS and oneDNN, which comes with torch, know those of others, and take
    half the time there. NumPy is called quickly; oneDNN splits large products among threads.
    Where AVX2's registers are the widest, MKL is as quick as any for single wide products, but
    for large ones on one thread.
    """
    if plus is None and out.stride(-1) > 1 and out.stride(-2) == 1:
        return product(b.mT, a.mT, out.mT)  # libraries write row by row
    is_large = a.shape[-2] * a.shape[-1] * b.shape[-1] >= LARGE
    is_thin = plus is not None and a.shape[-1] <= THIN
    by_numpy = takes_openblas(a, is_large)
    if not (is_thin or (takes_mkl(a, b) and not (is_large and by_numpy))):
        if by_numpy:
            return by_openblas(a, b, out, plus)
        if is_large and takes_onednn(a):
            return by_onednn(a, b, out, plus)
    multiply, add = (torch.mm, torch.addmm) if a.dim() == 2 else (torch.bmm, torch.baddbmm)
    if plus is None:
        return partial(multiply, a, b, out=out)
    return partial(add, plus, a, b, out=out)


def sum_of_rows(x, out):
    """A call that writes it into ``out``, in less time than `torch.sum` takes.

    ``out`` is a vector, or a row for each of the matrices x.
    """
    ones = x.new_ones(x.shape[:-1])
    if x.dim() == 2:
        return partial(torch.mv, x.t(), ones, out=out)
    return product(ones.unsqueeze(-2), x, out)


def takes_mkl(a, b):
    """Whether torch's own way is as quick as any for products as wide as b that are not large."""
    fits = is_single(a) and b.shape[-1] >= WIDE
    return fits and torch.backends.mkl.is_available() and widest_registers() == "AVX2"


def is_single(a):
    """Whether it is one matrix of float32, on the CPU."""
    return a.dtype == torch.float32 and a.device.type == "cpu" and a.dim() == 2


def widest_registers():
    """Of this processor, as torch calls them."""
    return torch.backends.cpu.get_cpu_capability()


def takes_openblas(a, is_large):
    """Whether OpenBLAS multiplies a, on one thread."""
    if a.dtype not in (torch.float32, torch.float64) or a.device.type != "cpu" or not openblas():
        return False
    if not is_large:
        return True
    kernels = {library["architecture"] for library in openblas().info()}
    return torch.get_num_threads() == 1 and kernels <= WIDEST.get(widest_registers(), set())


def by_openblas(a, b, out, plus):
    """`product`, by NumPy."""
    result = torch.empty_like(out) if plus is out else out
    multiply = partial(np.matmul, a.numpy(), b.numpy(), out=result.numpy())
    if plus is None:
        return multiply
    add = partial(out.add_, result if plus is out else plus)

    def call():
        multiply()
        add()

    return call


def takes_onednn(a):
    """Whether oneDNN is there for products of a."""
    backends = torch.backends
    is_there = backends.mkl.is_available() and backends.mkldnn.is_available()
    is_on = is_there and backends.mkldnn.enabled
    return is_single(a) and is_on and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def by_onednn(a, b, out, plus):
    """`product`, by oneDNN."""
    put, bias = (out.add_, None) if plus is out else (out.copy_, plus)
    multiply = partial(torch.ops.mkldnn._linear_pointwise, a, b.t(), bias, "none", [], "")
    return lambda: put(multiply())
