"""Noise that belongs to rows: equal rows get equal noise, wherever they stand.

So a row of weight two trains as two copies of it do, and what a row scores does not depend
on the rows beside it.
"""

import numpy as np
import torch

__all__ = [
    "BANK_SIZE",
    "InputNoise",
    "bank",
    "bank_size",
    "fixed_bank",
    "key_axes",
    "noise_for",
    "noises_for",
    "row_numbers",
]

# Vectors in a bank, primes. Rows that share one by chance do no harm, for banks change from epoch
# to epoch.
BANK_SIZE, LARGE_BANK_SIZE = 2039, 16381

# Vectors for input in a bank, in those of a batch and in features, at least: fewer would be learnt
# by heart. And numbers in all of it, at most.
MIN_BATCHES, MAX_NUMBERS = 4, 2**22


class InputNoise:
    """N(0, I) vectors for the input of training, which rows change with every epoch.

    For small networks, whose steps take less time than drawing does, they come from a bank that
    is drawn once. With so many features that it would be too large, a batch takes neighbours
    among numbers that are drawn once, from anywhere: no number belongs to a feature.

    Parameters
    ----------
    rows : Rows
        Which train.
    batch_size, n_epochs : int
    like : tensor
        Of the device and precision that the vectors are to have.
    """

    def __init__(self, rows, batch_size, n_epochs, like):
        self.n_rows, self.n_features, self.like = len(rows), rows.X.shape[1], like
        self.ranks = None
        if self.n_rows <= batch_size:
            # Equal rows are to have equal noise, however many, wherever they stand. What batches
            # of some of the rows do depends on their order anyway.
            self.ranks = ranks(rows).to(like.device)
            self.n_rows = int(self.ranks.max()) + 1
        self.bank = self.numbers = None
        n_drawn, most = n_epochs * self.n_rows, MIN_BATCHES * min(batch_size, self.n_rows)
        size = max(BANK_SIZE, MIN_BATCHES * self.n_features, most)
        if size * self.n_features <= MAX_NUMBERS:
            self.bank = self._drawn(size) if size < n_drawn else None
        elif most * self.n_features <= MAX_NUMBERS < n_drawn * self.n_features:
            self.numbers = bank(1, like, MAX_NUMBERS).flatten()

    def renew(self):
        """Give every row another vector."""
        if self.bank is not None:
            self.start = int(torch.randint(len(self.bank), ()))
        if self.ranks is None:
            return
        if self.bank is None:
            self.of_all = self._fresh(self.n_rows)[self.ranks]
        else:
            self.of_all = self.bank[(self.ranks + self.start) % len(self.bank)]

    def for_batch(self, n):
        """Vectors for the n rows of the next batch."""
        if self.ranks is not None:
            return self.of_all
        if self.bank is None:
            return self._fresh(n)
        # Ever other places for the same batch of the epoch, all of them in the end.
        self.start = (self.start + n) % (self.bank.shape[0] - n + 1)
        return self.bank[self.start : self.start + n]

    def _fresh(self, n):
        if self.numbers is None:
            return self._drawn(n)
        size = n * self.n_features
        start = int(torch.randint(len(self.numbers) - size + 1, ()))
        return self.numbers[start : start + size].view(n, self.n_features)

    def _drawn(self, n):
        return bank(self.n_features, self.like, n)


def ranks(rows):
    """Of every row, its place among the different ones in the order of their numbers."""
    _, inverse = np.unique(rows[:][0].numpy(), axis=0, return_inverse=True)
    return torch.from_numpy(inverse.ravel())


def bank_size(n_rows):
    """Vectors for so many rows: their moments are to be those of the rows' noise."""
    return LARGE_BANK_SIZE if n_rows > LARGE_BANK_SIZE else BANK_SIZE


def bank(n_components, like, size=BANK_SIZE):
    """Fresh N(0, I) vectors, on the device and in the precision of a tensor.

    Drawn in float32 always, so that a seed means the same noise in both precisions.
    """
    options = {"dtype": torch.float32, "device": like.device}
    return torch.randn(size, n_components, **options).to(like.dtype)


def fixed_bank(n_components, like, seed=0, size=BANK_SIZE):
    """The same N(0, I) vectors in every call with a seed."""
    generator = torch.Generator("cpu").manual_seed(seed)
    options = {"dtype": torch.float32, "device": "cpu", "generator": generator}
    return torch.randn(size, n_components, **options).to(like)


def key_axes(center, scale):
    """Centre and scale of each feature that make keys of rows: ``(x - center) / scale``.

    Near the given ones, so that keys are of about unit size, in any units and far from the
    origin; coarse, so that moments' rounding does not move them; and random, so that numbers
    with few digits have keys with many, and equal numbers in other features other keys.
    """
    unit = torch.exp2(torch.floor(torch.log2(scale)))
    generator = torch.Generator("cpu").manual_seed(0)
    options = {"dtype": torch.float64, "device": "cpu", "generator": generator}
    shift, stretch = (1 + torch.rand(2, len(center), **options)).to(center)
    return (torch.round(center / unit) + shift) * unit, stretch * unit


def row_numbers(key):
    """An integer for each row: the sum of all bits of its key as integers.

    It is the same in any order of the features.
    """
    integers = torch.int32 if key.dtype == torch.float32 else torch.int64
    return key.view(integers).sum(dim=1, dtype=integers)


def noise_for(numbers, vectors):
    """One vector of a bank, best of a prime number of them, for the number of each row.

    Both are tensors, or arrays, which takes less time.
    """
    places = numbers % vectors.shape[0]
    if isinstance(vectors, np.ndarray):
        return vectors.take(places, axis=0)
    return vectors.index_select(0, places)


def noises_for(numbers, vectors, size):
    """As many neighbouring vectors of a bank for each row, (n_rows, size, n_components)."""
    first = numbers % (len(vectors) - size + 1)
    return vectors[first[:, None] + torch.arange(size, device=first.device)]
