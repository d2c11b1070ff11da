"""Noise on the input of training."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from skae._core.batches import Rows
from skae._core.noise import BANK_SIZE, InputNoise
from skae._core.principal import fitting_noise

ROWS = np.random.RandomState(0).standard_normal((40, 6)).astype(np.float32)


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def made(rows=ROWS, batch_size=40, n_epochs=10_000, dtype=torch.float32):
    noise = InputNoise(Rows(rows), batch_size, n_epochs, torch.zeros((), dtype=dtype))
    noise.renew()
    return noise


def epoch_of(noise, n_batches, batch_size):
    noise.renew()
    return torch.cat([noise.for_batch(batch_size) for _ in range(n_batches)])


@pytest.mark.parametrize("n_epochs", [1, 10_000])
@pytest.mark.parametrize("batch_size", [10, 40])
def test_vectors_are_standard_normal(batch_size, n_epochs):
    """Drawn anew for few epochs, from a bank for many."""
    noise = made(batch_size=batch_size, n_epochs=n_epochs)
    assert (noise.bank is None) == (n_epochs == 1)
    vectors = np.vstack([epoch_of(noise, 40 // batch_size, batch_size) for _ in range(50)])
    assert vectors.shape == (2000, 6)
    np.testing.assert_allclose(vectors.mean(axis=0), 0, atol=0.15)
    np.testing.assert_allclose(np.cov(vectors.T), np.eye(6), atol=0.15)


@pytest.mark.parametrize("n_epochs", [1, 10_000])
def test_equal_rows_have_equal_noise_wherever_they_stand(n_epochs):
    """In one batch; before and after rows are repeated and shuffled."""
    order = np.random.RandomState(1).permutation(np.repeat(np.arange(40), 3))
    by_order = []
    for rows in (ROWS, ROWS[order]):
        torch.manual_seed(0)
        by_order.append(made(rows, len(rows), n_epochs).for_batch(len(rows)))
    first, second = by_order
    assert len(torch.unique(first, dim=0)) == 40
    torch.testing.assert_close(second, first[order], rtol=0, atol=0)


@pytest.mark.parametrize(
    ("n_rows", "n_features", "batch_size"),
    [
        (40, 6, 40),
        (40, 6, 10),
        (6000, 20, 2000),
        (600, 784, 300),
        (100, 6000, 50),
        (100, 6000, 100),
    ],
)
def test_other_epochs_have_other_noise(n_rows, n_features, batch_size):
    """Without shuffling, too; however large batches are, and however many the features."""
    rows = np.arange(n_rows, dtype=np.float32)[:, None] * np.ones(n_features, np.float32)
    noise = made(rows, batch_size)
    epochs = [epoch_of(noise, n_rows // batch_size, batch_size) for _ in range(4)]
    assert all((a != b).any(dim=1).all() for a, b in pairwise(epochs))


@pytest.mark.parametrize("batch_size", [50, 100])
def test_many_features_share_numbers(batch_size):
    """Neighbours among them are as independent as if they were drawn, along any axis."""
    rows = np.arange(100, dtype=np.float32)[:, None] * np.ones(1500, np.float32)
    noise = made(rows, batch_size)
    assert noise.bank is None
    assert len(noise.numbers) == 2**22
    vectors = torch.cat([epoch_of(noise, 100 // batch_size, batch_size) for _ in range(20)])
    assert len(torch.unique(vectors, dim=0)) == len(vectors)
    axes = torch.linalg.qr(torch.cat([torch.ones(1500, 1), torch.randn(1500, 9)], dim=1)).Q
    along = (vectors @ axes).numpy()
    np.testing.assert_allclose(along.mean(axis=0), 0, atol=0.1)
    np.testing.assert_allclose(np.cov(along.T), np.eye(10), atol=0.15)
    assert torch.allclose(vectors.mean(dim=0), torch.zeros(()), atol=0.15)


def test_numbers_are_not_shared_by_few_epochs_or_large_batches():
    rows = np.zeros((1500, 1500), np.float32)
    assert made(rows, 500).numbers is not None
    assert made(rows, 500, n_epochs=1).numbers is None
    assert made(rows, 700).numbers is None  # fewer than four batches of them


def test_batches_go_round_the_bank():
    noise = made(batch_size=21)
    batches = [noise.for_batch(n) for _ in range(500) for n in (20, 21)]
    assert {len(batch) for batch in batches} == {20, 21}
    assert len(noise.bank) == BANK_SIZE
    assert len(torch.unique(torch.cat(batches), dim=0)) > BANK_SIZE - 21


def test_starts_are_drawn():
    noise = made(batch_size=20)
    starts = set()
    for _ in range(20):
        noise.renew()
        starts.add(noise.start)
    assert len(starts) > 15


@pytest.mark.parametrize("n_features", [6, 600, 1000, 2000])
def test_banks_are_neither_small_nor_large(n_features):
    """A small one would be learnt by heart."""
    noise = made(np.zeros((50, n_features)), 25, dtype=torch.float64)
    assert noise.for_batch(25).dtype == torch.float64
    assert (noise.bank is None) == (n_features == 2000)
    if noise.bank is not None:
        assert len(noise.bank) >= 4 * max(25, n_features)
        assert noise.bank.numel() <= 2**22


def test_fitting_noise_blurs_codes_by_what_pca_leaves():
    """A fifth of the spread along the last axis kept, times the share of variance left."""
    pca = PCA(2).fit(ROWS)
    left = 1 - pca.explained_variance_ratio_.sum()
    variances = torch.from_numpy(pca.explained_variance_)
    expected = 0.2 * left * pca.transform(ROWS)[:, 1].std(ddof=1)
    assert fitting_noise(variances, left) == pytest.approx(expected, rel=1e-5)
    assert fitting_noise(variances, 0.0) == fitting_noise(variances[:0], 1.0) == 0.0
