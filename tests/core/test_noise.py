"""Noise on the input of training."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from skae._core.batches import Rows
from skae._core.noise import BANK_SIZE, MAX_NUMBERS, InputNoise
from skae._core.principal import fitting_noise

ROWS = np.random.RandomState(0).standard_normal((40, 6)).astype(np.float32)


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def in_epoch(noise):
    noise.renew()
    return noise.for_batch(40).clone()


def test_vectors_are_standard_normal():
    vectors = InputNoise(Rows(ROWS), 40, torch.zeros(())).vectors.numpy()
    assert vectors.shape == (BANK_SIZE, 6)
    np.testing.assert_allclose(vectors.mean(axis=0), 0, atol=0.1)
    np.testing.assert_allclose(np.cov(vectors.T), np.eye(6), atol=0.1)


def test_equal_rows_have_equal_noise_wherever_they_stand():
    """In one batch; before and after rows are repeated and shuffled."""
    order = np.random.RandomState(1).permutation(np.repeat(np.arange(40), 3))
    by_order = []
    for rows in (ROWS, ROWS[order]):
        torch.manual_seed(0)
        noise = InputNoise(Rows(rows), len(rows), torch.zeros(()))
        by_order.append(in_epoch(noise))
    first, second = by_order
    assert len(torch.unique(first, dim=0)) == 40
    torch.testing.assert_close(second, first[order], rtol=0, atol=0)


def test_units_do_not_matter():
    by_unit = []
    for unit in (1, 1000):
        torch.manual_seed(0)
        by_unit.append(in_epoch(InputNoise(Rows(unit * ROWS + unit), 40, torch.zeros(()))))
    torch.testing.assert_close(*by_unit, rtol=0, atol=0)


@pytest.mark.parametrize("batch_size", [40, 10])
def test_other_epochs_have_other_noise(batch_size):
    noise = InputNoise(Rows(ROWS), batch_size, torch.zeros(()))
    epochs = []
    for _ in range(3):
        noise.renew()
        epochs.append(torch.cat([noise.for_batch(batch_size) for _ in range(40 // batch_size)]))
    assert all((a != b).any(dim=1).all() for a, b in pairwise(epochs))


def test_batches_go_round_the_vectors():
    noise = InputNoise(Rows(ROWS), 30, torch.zeros(()))
    noise.renew()
    batches = [noise.for_batch(n) for _ in range(BANK_SIZE // 20) for n in (20, 21)]
    assert {len(batch) for batch in batches} == {20, 21}
    used = torch.unique(torch.cat(batches), dim=0)
    assert len(used) > BANK_SIZE - 21


def test_many_rows_at_once_share_vectors():
    noise = InputNoise(
        Rows(np.arange(10_000.0, dtype=np.float32)[:, None]), 10_000, torch.zeros(())
    )
    noise.renew()
    assert noise.vectors.shape == (BANK_SIZE, 1)
    assert noise.for_batch(10_000).shape == (10_000, 1)


@pytest.mark.parametrize("n_features", [2_000, 200_000])
def test_many_features_have_few_vectors(n_features):
    rows = Rows(np.zeros((50, n_features), np.float32))
    vectors = InputNoise(rows, 25, torch.zeros((), dtype=torch.float64)).vectors
    assert vectors.dtype == torch.float64
    assert vectors.numel() <= max(MAX_NUMBERS, 25 * n_features)
    assert len(vectors) >= 25


def test_fitting_noise_blurs_codes_by_what_pca_leaves():
    """A fifth of the spread along the last axis kept, times the share of variance left."""
    pca = PCA(2).fit(ROWS)
    left = 1 - pca.explained_variance_ratio_.sum()
    variances = torch.from_numpy(pca.explained_variance_)
    expected = 0.2 * left * pca.transform(ROWS)[:, 1].std(ddof=1)
    assert fitting_noise(variances, left) == pytest.approx(expected, rel=1e-5)
    assert fitting_noise(variances, 0.0) == fitting_noise(variances[:0], 1.0) == 0.0
