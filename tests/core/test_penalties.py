"""Latent penalties against their definitions and finite differences."""

import pytest
import torch

from skae._core.penalties import MMD_WIDTHS, PENALTIES, mmd

torch_generator = torch.Generator().manual_seed(0)
CODES = torch.randn(12, 3, dtype=torch.float64, generator=torch_generator)
WEIGHTS = torch.rand(12, dtype=torch.float64, generator=torch_generator)
WEIGHTS /= WEIGHTS.mean()


def seeded(name, codes, weights=None):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return PENALTIES[name](codes, weights)


@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["equal", "weighted"])
def test_gradient(name, weights):
    codes = CODES.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda z: seeded(name, z, weights), codes)


@pytest.mark.parametrize("name", ["l1", "l2"])
def test_weights_repeat_rows(name):
    weights = torch.tensor([2.0, 1.0, 0.0], dtype=torch.float64)
    repeated = CODES[[0, 0, 1]]
    torch.testing.assert_close(PENALTIES[name](CODES[:3], weights), PENALTIES[name](repeated, None))


def test_norms():
    codes = torch.tensor([[1.0, -2.0], [0.0, 3.0]])
    assert PENALTIES["l1"](codes) == 3
    assert PENALTIES["l2"](codes) == 7


def test_mmd_is_its_double_sum():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        draws = torch.randn_like(CODES)

    def kernel(a, b):
        d = 2 * CODES.shape[1]
        r = float((a - b).square().sum())
        return sum(c * d / (c * d + r) for c in MMD_WIDTHS) / len(MMD_WIDTHS)

    n = len(CODES)
    share = WEIGHTS / WEIGHTS.sum()
    expected = sum(
        float(share[i] * share[j]) * kernel(CODES[i], CODES[j])
        + kernel(draws[i], draws[j]) / n**2
        - 2 * float(share[i]) * kernel(CODES[i], draws[j]) / n
        for i in range(n)
        for j in range(n)
    )
    assert float(seeded("mmd", CODES, WEIGHTS)) == pytest.approx(expected)


def test_mmd_knows_the_standard_normal():
    generator = torch.Generator().manual_seed(1)
    normal = torch.randn(1000, 3, generator=generator)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        at_home, shifted, spread = (float(mmd(z)) for z in (normal, normal + 1, 3 * normal))
    assert 0 <= at_home < 0.01
    assert min(shifted, spread) > 10 * at_home
    assert float(mmd(normal + 1e6)) <= 2
