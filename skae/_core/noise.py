"""Noise that belongs to rows: equal rows get equal noise, wherever they stand.

So a row of weight two trains as two copies of it do, and what a row scores does not depend
on the rows beside it.
"""

import torch

__all__ = ["BANK_SIZE", "bank", "coarse_grid", "fixed_bank", "noise_for", "noises_for"]

# Vectors in a bank. Rows that share one by chance do no harm, for banks change from step to step.
BANK_SIZE = 2048


def bank(n_components, like):
    """Fresh N(0, I) vectors, on the device and in the precision of a tensor.

    Drawn in float32 always, so that a seed means the same noise in both precisions.
    """
    options = {"dtype": torch.float32, "device": like.device}
    return torch.randn(BANK_SIZE, n_components, **options).to(like.dtype)


def fixed_bank(n_components, like, seed=0, size=BANK_SIZE):
    """The same N(0, I) vectors in every call with a seed."""
    generator = torch.Generator("cpu").manual_seed(seed)
    options = {"dtype": torch.float32, "device": "cpu", "generator": generator}
    return torch.randn(size, n_components, **options).to(like)


def coarse_grid(center, scale):
    """A centre and a scale near the given ones that moments' rounding does not move.

    Rows less the centre, over the scale, are exact, up to float32 at least where rows
    hold that much: bits of theirs tell rows apart, in any units and far from the origin.
    """
    unit = torch.exp2(torch.floor(torch.log2(scale)))
    return torch.round(center / unit) * unit, unit


def noise_for(key, vectors):
    """One vector of a bank for each row, chosen by the bits of its key."""
    return vectors[_places(key, len(vectors))]


def noises_for(key, vectors, size):
    """As many neighbouring vectors of a bank for each row, (n_rows, size, n_components)."""
    first = _places(key, len(vectors) - size + 1)
    return vectors[first[:, None] + torch.arange(size, device=first.device)]


def _places(key, n):
    """A number below n for each row of the key.

    Multiply-shift hashing: the upper bits of the sum of the bits of each number times a random
    odd factor [M. Dietzfelbinger et al., J. Algorithms 25, 1997].
    """
    bits = (key.float() + 0.0).view(torch.int32).long()  # -0.0 becomes 0.0
    generator = torch.Generator("cpu").manual_seed(0)
    options = {"generator": generator, "device": "cpu"}
    factors = torch.randint(-(2**62), 2**62, (key.shape[1],), **options) * 2 + 1
    sums = (bits * factors.to(bits.device)).sum(dim=1)
    return (sums >> 40) % n
