"""Draws from posteriors and the way back, against autograd."""

import numpy as np
import pytest
import torch
from torch import distributions

from skae._core import posteriors
from skae._core.posteriors import LOG_VARIANCES, Draws

N, N_COMPONENTS = 30, 3
DTYPES = {torch.float32: 2e-4, torch.float64: 1e-10}


@pytest.fixture(params=["numpy", "torch"])
def arrays(request, monkeypatch):
    """What is done on the CPU, and what is done elsewhere."""
    if request.param == "torch":
        monkeypatch.setattr(posteriors, "array", lambda tensor: tensor)
    return posteriors.array


@pytest.fixture(params=DTYPES, ids=str)
def batch(request):
    """What the encoder gives, noise, center, scale, and gradient of the codes."""
    generator = torch.Generator().manual_seed(0)
    shapes = (N, 2 * N_COMPONENTS), (N, N_COMPONENTS), (N_COMPONENTS,), (N_COMPONENTS,)
    parts = [torch.randn(shape, generator=generator).to(request.param) for shape in shapes]
    encoded, noise, center, scale = parts
    encoded[:4, -1] = torch.tensor([-40.0, -30.5, 20.5, 25.0])  # where they are bounded
    return encoded, noise, center, scale.exp(), torch.randn(N, N_COMPONENTS, generator=generator)


def drawn(encoded, noise, center):
    draws = Draws(encoded, torch.empty_like(encoded), torch.empty_like(noise))
    draws.forward(posteriors.array(noise), posteriors.array(center)[:, None])
    return draws


def test_draws_are_means_and_noise_of_their_variance(arrays, batch):
    encoded, noise, center, *_ = batch
    draws = drawn(encoded, noise, center)
    mean, log_variance = encoded[:, :N_COMPONENTS], encoded[:, N_COMPONENTS:].clamp(*LOG_VARIANCES)
    rtol = DTYPES[encoded.dtype]
    torch.testing.assert_close(draws.log_variance, log_variance, rtol=0, atol=0)
    codes = mean + (log_variance / 2).exp() * noise
    torch.testing.assert_close(torch.as_tensor(draws.codes).t(), codes, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("weighted", [False, True])
def test_gradients_are_those_of_autograd(arrays, batch, weighted):
    """Of the KL divergence from the prior, and of any function of the draws."""
    encoded, noise, center, scale, of_codes = batch
    rtol, of_codes = DTYPES[encoded.dtype], of_codes.to(encoded)
    weights = torch.rand(N, generator=torch.Generator().manual_seed(1)).to(encoded)
    share = weights if weighted else torch.full_like(weights, 0.1)
    precision = share / scale[:, None].square()
    draws = drawn(encoded, noise, center)
    if weighted:
        draws.backward(of_codes, arrays(precision), arrays(share[None]))
    else:
        draws.backward(of_codes, arrays(precision[:, :1]), 0.1)

    leaf = encoded.clone().requires_grad_()
    mean, log_variance = leaf[:, :N_COMPONENTS], leaf[:, N_COMPONENTS:].clamp(*LOG_VARIANCES)
    law = distributions.Normal(mean, (log_variance / 2).exp())
    kl = distributions.kl_divergence(law, distributions.Normal(center, scale)).sum(dim=1)
    codes = mean + (log_variance / 2).exp() * noise
    ((share * kl).sum() + (codes * of_codes).sum()).backward()
    gradient = torch.cat([torch.as_tensor(draws.of_mean), torch.as_tensor(draws.of_unbounded)]).t()
    torch.testing.assert_close(gradient, leaf.grad, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("weighted", [False, True])
def test_averages_are_weighted_means(arrays, batch, weighted):
    encoded, noise, center, *_ = batch
    weights = torch.arange(1.0, N + 1).to(encoded) if weighted else None
    averages = torch.as_tensor(drawn(encoded, noise, center).averages(weights))
    offset = encoded[:, :N_COMPONENTS] - center
    log_variance = encoded[:, N_COMPONENTS:].clamp(*LOG_VARIANCES)
    parts = torch.cat([offset, offset**2, log_variance.exp(), log_variance], dim=1)
    expected = np.average(parts, axis=0, weights=weights)
    rtol = DTYPES[encoded.dtype]
    np.testing.assert_allclose(averages, expected, rtol=rtol)
