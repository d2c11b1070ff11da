"""Arithmetic on few numbers: on the CPU by NumPy, which is called in a part of torch's time.

What is written for both libraries takes an "array", which elsewhere is a tensor.
"""

import numpy as np
import torch

__all__ = ["array", "library_of", "tensor"]


def array(tensor):
    """The tensor, or on the CPU an array in its memory."""
    return tensor.numpy() if tensor.is_cpu else tensor


def tensor(value):
    """The tensor in whose memory an array is; anything else stays as it is."""
    return torch.from_numpy(value) if isinstance(value, np.ndarray) else value


def library_of(array):
    """The one that it is of."""
    return np if isinstance(array, np.ndarray) else torch
