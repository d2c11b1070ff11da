"""Matrix products into memory that is there already, each by the library that is quick for it."""

from functools import partial

import torch

__all__ = ["product"]

# Multiplications from which oneDNN is worth its preparations, and from which it is where the
# left factor must first be brought into the order of memory.
LARGE, LARGE_UNORDERED = 2**20, 2**22

# Columns of a result below which MKL takes up to four times as long if rows, and not columns,
# lie together in memory.
NARROW = 16

# Columns of a right factor up to which the same is true of its own, and numbers in the left one
# from which bringing it into that order pays.
NARROWEST, WORTH_COPYING = 3, 2**13


def product(a, b, out, plus=None):
    """A call that writes ``a @ b``, or ``plus + a @ b``, into ``out``, which ``plus`` may be.

    torch takes MKL for float32, which knows the widest registers of its maker's processors
    alone. oneDNN, which comes with torch too, knows those of all, and takes half the time for
    large products elsewhere.
    """
    if takes_onednn(a, b):
        return by_onednn(a, b, out, plus)
    if plus is not None:
        return partial(torch.addmm, plus, a, b, out=out)
    if not 1 < out.shape[1] < NARROW:
        return partial(torch.mm, a, b, out=out)
    return narrow_product(a, b, out)


def narrow_product(a, b, out):
    """`product` of few columns, by MKL."""
    columns, factor = columnwise(out), b
    if b.shape[1] <= NARROWEST and a.numel() >= WORTH_COPYING:
        factor = columnwise(b)
    multiply = partial(torch.mm, a, factor, out=columns)

    def call():
        if factor is not b:
            factor.copy_(b)
        multiply()
        if columns is not out:
            out.copy_(columns)

    return multiply if factor is b and columns is out else call


def columnwise(x):
    """It, or memory for as much, if columns lie together in it."""
    return x if x.t().is_contiguous() else x.new_empty(x.shape[::-1]).t()


def takes_onednn(a, b):
    """Whether oneDNN multiplies a and b."""
    backends = torch.backends
    there = backends.mkl.is_available() and backends.mkldnn.is_available()
    if a.dtype != torch.float32 or a.device.type != "cpu" or not there:
        return False
    least = LARGE if a.is_contiguous() else LARGE_UNORDERED
    is_large = a.shape[0] * a.shape[1] * b.shape[1] >= least
    return is_large and backends.mkldnn.enabled and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def by_onednn(a, b, out, plus):
    """`product`, by oneDNN."""
    put, bias = (out.add_, None) if plus is out else (out.copy_, plus)
    multiply = partial(torch.ops.mkldnn._linear_pointwise, a, b.t(), bias, "none", [], "")
    return lambda: put(multiply())
