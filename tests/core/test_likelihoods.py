"""Losses and densities against torch.distributions and finite differences."""

import pytest
import torch
from torch import distributions

from skae._core.likelihoods import LIKELIHOODS

generator = torch.Generator().manual_seed(0)
OUTPUT = torch.randn(20, 5, dtype=torch.float64, generator=generator)
TARGET = torch.rand(20, 5, dtype=torch.float64, generator=generator)
LAWS = {
    "gaussian": lambda output: distributions.Normal(output, 0.7),
    "laplace": lambda output: distributions.Laplace(output, 0.7 / 2**0.5),
    "bernoulli": lambda output: distributions.Bernoulli(logits=output, validate_args=False),
}


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_log_density(name):
    expected = LAWS[name](OUTPUT).log_prob(TARGET).sum(dim=1)
    density = LIKELIHOODS[name].log_density(TARGET, OUTPUT, 0.7**2)
    torch.testing.assert_close(density, expected)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_smaller_loss_is_larger_density(name):
    """The loss is an affine, falling function of the log-density, row by row."""
    loss = LIKELIHOODS[name].loss(OUTPUT, TARGET)
    density = LIKELIHOODS[name].log_density(TARGET, OUTPUT, 0.7**2)
    assert torch.corrcoef(torch.stack([loss, density]))[0, 1] == pytest.approx(-1)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_gradient(name):
    output = OUTPUT.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda o: LIKELIHOODS[name].loss(o, TARGET), output)


@pytest.mark.parametrize("name", ["gaussian", "laplace"])
def test_noise_variance_maximizes_the_density(name):
    likelihood = LIKELIHOODS[name]
    best = likelihood.noise_variance(float(likelihood.loss(OUTPUT, TARGET).mean()))
    densities = [
        float(likelihood.log_density(TARGET, OUTPUT, factor * best).sum())
        for factor in (0.9, 1, 1.1)
    ]
    assert max(densities) == densities[1]


def test_log_density_of_certain_logits_is_finite():
    logits = torch.tensor([[100.0, -100.0]])
    assert torch.isfinite(LIKELIHOODS["bernoulli"].log_density(1 - logits.sign(), logits)).all()


def test_logit_start_is_first_order():
    """The sigmoid of the linear start agrees with the means to first order in the codes."""
    likelihood = LIKELIHOODS["bernoulli"]
    center, scale = torch.tensor([0.3, 0.5, 0.8]), torch.tensor(0.4)
    weight, bias = likelihood.linear_start(torch.tensor([[1.0], [-0.5], [0.2]]), center, scale)
    for z in (0.0, 1e-3):
        mean = torch.sigmoid(bias + weight[:, 0] * z)
        expected = center + scale * torch.tensor([1.0, -0.5, 0.2]) * z
        torch.testing.assert_close(mean, expected, atol=1e-6, rtol=0)
