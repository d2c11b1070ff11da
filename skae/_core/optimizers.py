"""torch's optimizers, made without its compiler.

torch imports the compiler, and sympy with it, when the first optimizer is made: that takes longer
than most fits do, and is of no use here.
"""

from inspect import unwrap

import torch

__all__ = ["SGD", "Adam"]

add_param_group = unwrap(torch.optim.Optimizer.add_param_group)


class Adam(torch.optim.Adam):
    """`torch.optim.Adam`."""

    add_param_group = add_param_group


class SGD(torch.optim.SGD):
    """`torch.optim.SGD`."""

    add_param_group = add_param_group
