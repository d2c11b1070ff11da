"""Noise that belongs to rows: equal rows get equal noise, wherever they stand.

So a row of weight two trains as two copies of it do, and what a row scores does not depend
on the rows beside it.
"""

import torch

__all__ = ["bank", "fixed_bank", "noise_for"]

# Vectors in a bank. Rows that share one by chance do no harm, for banks change from step to step.
BANK_SIZE = 2048


def bank(n_components, like):
    """Fresh N(0, I) vectors, on the device and in the precision of a tensor.

    Drawn in float32 always, so that a seed means the same noise in both precisions.
    """
    return torch.randn(BANK_SIZE, n_components, device=like.device).to(like.dtype)


def fixed_bank(n_components, like, seed=0, size=BANK_SIZE):
    """The same N(0, I) vectors in every call with a seed."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(size, n_components, generator=generator).to(like)


def noise_for(x, vectors):
    """One vector of a bank for each row of x, chosen by the bits of the row.

    Multiply-shift hashing: the upper bits of the sum of the bits of each number times a random
    odd factor [M. Dietzfelbinger et al., J. Algorithms 25, 1997].
    """
    bits = (x.float() + 0.0).view(torch.int32).long()  # -0.0 becomes 0.0
    generator = torch.Generator().manual_seed(0)
    factors = torch.randint(-(2**62), 2**62, (x.shape[1],), generator=generator) * 2 + 1
    keys = (bits * factors.to(bits.device)).sum(dim=1)
    return vectors[(keys >> 40) % len(vectors)]
