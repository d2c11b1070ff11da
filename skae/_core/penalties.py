"""Penalties on the codes of a batch, in a table by name.

Each takes codes of shape (n_samples, n_components) and weights of mean 1 (or None),
and returns one number.
"""

import torch

__all__ = ["PENALTIES", "penalty_gradient", "share_of_rows", "weighted_mean"]

# Widths of the kernel, as multiples of E‖a - b‖² = 2d for a, b drawn from N(0, I).
MMD_WIDTHS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def weighted_mean(values, weights=None, dim=None):
    """``(1/n) Σ_i w_i v_i``, with weights whose mean over *all* rows is 1."""
    return (values if weights is None else weights * values).mean(dim=dim)


def share_of_rows(weights, n_rows):
    """What each row counts in `weighted_mean`: a number, or a column."""
    return 1 / n_rows if weights is None else (weights / n_rows)[:, None]


def l1(codes, weights=None):
    """Mean over rows of ``Σ_j |z_j|``."""
    return weighted_mean(codes.abs().sum(dim=1), weights)


def l2(codes, weights=None):
    """Mean over rows of ``Σ_j z_j²``."""
    return weighted_mean(codes.square().sum(dim=1), weights)


def mmd(codes, weights=None):
    """Squared maximum mean discrepancy between the codes and N(0, I), in [0, 2].

    ``E k(z, z') + E k(n, n') - 2 E k(z, n)`` with as many fresh normal draws n as
    there are codes, and k the mean over seven widths C of the inverse multiquadratic
    ``C / (C + ‖a - b‖²)``, whose heavy tail still pulls at codes far from the origin
    [Tolstikhin et al., "Wasserstein Auto-Encoders", ICLR 2018, section 3].
    """
    share = torch.full_like(codes[:, 0], 1 / len(codes))
    if weights is not None:
        share = weights / weights.sum().clamp(min=torch.finfo(codes.dtype).tiny)
    draws = torch.randn_like(codes)
    within = share @ _multiquadratic(codes, codes) @ share
    between = (share @ _multiquadratic(codes, draws)).mean()
    return within + _multiquadratic(draws, draws).mean() - 2 * between


def _multiquadratic(a, b):
    """Kernel matrix of the codes a against b."""
    squared_distance = (a[:, None, :] - b[None, :, :]).square().sum(dim=2)
    widths = [2 * a.shape[1] * width for width in MMD_WIDTHS]
    return sum(c / (c + squared_distance) for c in widths) / len(widths)


def penalty_gradient(name, codes, weights=None):
    """A penalty, and its gradient with respect to the codes."""
    if name in GRADIENTS:
        share = share_of_rows(weights, len(codes))
        return PENALTIES[name](codes, weights), GRADIENTS[name](codes) * share
    with torch.inference_mode(False), torch.enable_grad():
        # Copies are tensors that autograd can go on from.
        codes = codes.clone().requires_grad_()
        weights = None if weights is None else weights.clone()
        penalty = PENALTIES[name](codes, weights)
        (gradient,) = torch.autograd.grad(penalty, codes)
    return penalty.detach(), gradient


PENALTIES = {"l1": l1, "l2": l2, "mmd": mmd}

# Of what a row adds, where that depends on nothing but the row; autograd does the others.
GRADIENTS = {"l1": torch.sign, "l2": lambda codes: 2 * codes}
