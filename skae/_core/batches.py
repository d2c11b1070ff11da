"""Whole-batch iteration over arrays, CSR matrices and memory maps, without copying large ones."""

from functools import cached_property
from itertools import pairwise, repeat

import numpy as np
import torch
from torch.utils.data import Dataset

__all__ = ["Batches", "Rows", "as_tensor", "block_size", "center_and_scale"]


def as_tensor(block):
    """Rows of an array or CSR matrix as a dense tensor.

    Shares the memory of the block, but for blocks that torch cannot hold: read-only ones
    and those with negative or odd strides.
    """
    if isinstance(block, np.ndarray) and block.flags.carray:
        return torch.from_numpy(block)  # in less time than below
    if hasattr(block, "toarray"):
        block = block.toarray()
    return torch.from_numpy(np.require(np.asarray(block), requirements="CAW"))


class Rows(Dataset):
    """Rows of X and their weights, read a batch at a time.

    Parameters
    ----------
    X : array, memory map or CSR matrix of shape (n, n_features)
        Never copied; a batch is.
    weights : array of shape (n,), optional
        One weight for each row of X; scaled to mean 1 over the rows of the data set.
    subset : int array of shape (n_samples,), optional
        Which rows of X the data set holds; all of them if None.
    """

    def __init__(self, X, weights=None, subset=None):
        self.X = X
        self.weights = weights
        self.subset = subset
        # Gathers rows quicker, where torch can share the memory.
        shared = isinstance(X, np.ndarray) and X.flags.carray
        self._tensor = torch.from_numpy(X) if shared else None
        if weights is not None:
            mean = weights.mean() if subset is None else weights[subset].mean()
            self.weights = (weights / mean).astype(X.dtype, copy=False)

    def __len__(self):
        return self.X.shape[0] if self.subset is None else len(self.subset)

    @property
    def index(self):
        """Which rows of X the data set holds, as an index."""
        return slice(None) if self.subset is None else self.subset

    @property
    def row_weights(self):
        """Weights of the rows, or None; no row is read."""
        return None if self.weights is None else self.weights[self.index]

    def take(self, index):
        """Rows at an integer array or slice, as stored in X, and their weights or None."""
        if self.subset is not None:
            index = self.subset[index]
        return self.X[index], None if self.weights is None else self.weights[index]

    def subsample(self, max_rows, seed):
        """At most ``max_rows`` of the rows, drawn without replacement, in order."""
        if len(self) <= max_rows:
            return self
        # In time and memory of those chosen; a RandomState would shuffle all.
        chosen = np.random.default_rng(seed).choice(len(self), max_rows, replace=False)
        chosen.sort()
        return Rows(self.X, self.weights, chosen if self.subset is None else self.subset[chosen])

    def n_different(self, max_rows, seed):
        """Number of different rows, judged by at most ``max_rows`` of them.

        So copies of a row count as one row of their weight does.
        """
        sample = self.subsample(max_rows, seed)
        bounds = range(0, len(sample), block_size(self.X.shape[1]))
        blocks = (sample[slice(i, i + bounds.step)][0].numpy() for i in bounds)
        different = {hash(row.tobytes()) for block in blocks for row in block}
        return len(different) * len(self) / len(sample)

    def __getitem__(self, index):
        """Tensors of the rows at an integer array or slice, and of their weights or None."""
        if self._tensor is None or self.weights is not None:
            block, weights = self.take(index)
            return as_tensor(block), None if weights is None else as_tensor(weights)
        return taken(self._tensor, index if self.subset is None else self.subset[index]), None


# Numbers in all of rows that are gathered at once for all batches of an epoch, at most; and of
# those that are prepared once for all epochs.
MAX_GATHERED, MAX_PREPARED = 2**18, 2**22


class Batch(tuple):
    """Rows, and their weights or None.

    Attributes
    ----------
    prepared : list or None
        What was made of the rows once for all epochs.
    """

    prepared = None


class Batches:
    """Iterator over a `Rows` in batches of nearly equal size, none above ``batch_size``.

    Near-equal, so that no epoch ends on a batch of one row. The order is drawn anew
    from torch's generator in every epoch; a single full batch is left in order.

    Attributes
    ----------
    prepare : callable or None
        From rows to a tuple of tensors or None, for the ``prepared`` of batches of small tables.
    suffices : bool
        Whether what was prepared may stand for the rows, which are then not gathered: batches
        have the first of it in their place, in memory that later ones take.
    """

    prepare, suffices = None, False

    def __init__(self, dataset, batch_size, shuffle=False):
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.bounds = np.linspace(0, len(dataset), len(self) + 1).astype(int).tolist()
        self.n_numbers = len(dataset) * dataset.X.shape[1]
        self.in_order, self.kept = None, {}

    def __len__(self):
        return -(-len(self.dataset) // self.batch_size)

    def __iter__(self):
        is_small, order = self.n_numbers <= MAX_GATHERED, slice(None)
        if self.shuffle and len(self) > 1:
            order = torch.randperm(len(self.dataset)).numpy()
        elif is_small:
            return self._in_order()
        return iter(self._gathered(order, self.sizes)) if is_small else self._apart(order)

    @property
    def sizes(self):
        """Of the batches of an epoch."""
        return [stop - start for start, stop in pairwise(self.bounds)]

    def _in_order(self):
        """Batches of last time, if there was one."""
        if self.in_order is None:
            self.in_order = list(self._split(self._taken(slice(None)), self.sizes))
        return iter(self.in_order)

    def _apart(self, order):
        """Batches gathered one by one."""
        for start, stop in pairwise(self.bounds):
            index = slice(start, stop) if isinstance(order, slice) else order[start:stop]
            yield from self._gathered(index, [stop - start])

    def _gathered(self, index, sizes):
        """Batches of the rows at an integer array or slice.

        Where nobody asks for rows, they are those of as many rows last time, filled anew.
        """
        if isinstance(index, slice) or not (self.suffices and self._stands):
            return self._split(self._taken(index, with_rows=not self.suffices), sizes)
        n = len(index)
        if n not in self.kept:
            with torch.inference_mode(False):  # for any mode of later epochs
                memory = [None if m is None else m.new_empty(n, *m.shape[1:]) for m in self.made]
            self.kept[n] = memory, list(self._split([None, None, *memory], sizes))
        memory, batches = self.kept[n]
        for made, part in zip(self.made, memory, strict=True):
            if made is not None:
                taken(made, index, part)
        return batches

    def _split(self, parts, sizes):
        split = (repeat(None) if part is None else part.split(sizes) for part in parts)
        return map(batch_of, zip(*split, strict=False))

    @cached_property
    def made(self):
        """What was prepared of all rows, a tuple; empty if there are too many."""
        is_small = self.prepare is not None and self.n_numbers <= MAX_PREPARED
        return self.prepare(self.dataset[:][0]) if is_small else ()

    @property
    def _stands(self):
        """Whether what was prepared says all of the rows."""
        return bool(self.made) and self.dataset.weights is None

    def _taken(self, index, with_rows=True):
        """Rows at an integer array or slice, their weights or None, and what was made of them."""
        made = [None if m is None else taken(m, index) for m in self.made]
        if self._stands and not with_rows:
            return [None, None, *made]
        return [*self.dataset[index], *made]


def batch_of(parts):
    """The batch of rows, weights and what was made of them, the first of it for rows if None."""
    x, weights, *prepared = parts
    batch = Batch((prepared[0] if x is None else x, weights))
    batch.prepared = prepared or None
    return batch


def taken(tensor, index, out=None):
    """Rows of a tensor at an integer array or slice, in less time than an index takes.

    Those at an array are in the memory of ``out`` unless that is None.
    """
    if isinstance(index, slice):
        return tensor[index]
    if tensor.is_cpu:
        # NumPy takes half of torch's time, if it need not look for places beyond the end.
        out = None if out is None else out.numpy()
        return torch.from_numpy(tensor.numpy().take(index, axis=0, out=out, mode="clip"))
    return torch.index_select(tensor, 0, torch.from_numpy(index).to(tensor.device), out=out)


def block_size(n_features, n_numbers=2**22):
    """Rows that are held in memory at a time: at most 8192, and n_numbers numbers."""
    return max(1, min(8192, n_numbers // n_features))


def center_and_scale(rows):
    """Weighted mean of every feature, and the root of their mean variance, as tensors.

    Data without spread beyond rounding have scale 1; overflow raises ValueError.
    """
    count, total, squares, shift = 0.0, 0.0, 0.0, None
    # Blocks that the processor's cache holds, in float64 too.
    for x, weights in Batches(rows, block_size(rows.X.shape[1], 2**17)):
        # Sums about a point amid the data keep their digits.
        shift = x.double().mean(dim=0) if shift is None else shift
        x = x - shift
        weighted = x if weights is None else x * weights.double()[:, None]
        count += len(x) if weights is None else float(weights.sum(dtype=torch.float64))
        total += weighted.sum(dim=0)
        squares += float(torch.dot(x.flatten(), weighted.flatten()))
    offset = total / count
    center = (shift + offset).numpy()
    variance = (squares / count - float(offset.square().sum())) / len(center)
    scale = np.sqrt(max(variance, 0.0))  # rounding
    if not np.isfinite(scale):
        raise ValueError(
            f"The variance of X overflows: its values, of size {abs(rows.X).max():.3g}, are too "
            "large. Divide X by a constant."
        )
    if scale <= 10 * np.finfo(rows.X.dtype).eps * np.abs(center).max():
        scale = np.float64(1)
    return tuple(torch.from_numpy(np.asarray(part, rows.X.dtype)) for part in (center, scale))
