"""Paths between codes: straight, around the origin, decoded."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA

from skae.sampling import interpolate

RNG = np.random.RandomState(0)
START, END = RNG.standard_normal((2, 6, 4)) * 5


def lengths_of_steps(paths):
    return np.linalg.norm(np.diff(paths, axis=1), axis=2)


@pytest.mark.parametrize("method", ["linear", "spherical"])
def test_paths_begin_and_end_at_the_codes(method):
    paths = interpolate(START, END, 7, method=method)
    assert paths.shape == (6, 7, 4)
    np.testing.assert_array_equal(paths[:, 0], START)
    np.testing.assert_array_equal(paths[:, -1], END)


def test_straight_paths_are_even():
    steps = lengths_of_steps(interpolate(START, END, 5))
    expected = np.linalg.norm(END - START, axis=1, keepdims=True) / 4
    np.testing.assert_allclose(steps, np.broadcast_to(expected, steps.shape))


def test_spherical_paths_are_slerp():
    start, end = (codes / np.linalg.norm(codes, axis=1, keepdims=True) for codes in (START, END))
    angle = np.arccos((start * end).sum(axis=1))[:, None]
    t = np.linspace(0, 1, 5)
    expected = [
        (np.sin((1 - s) * angle) * start + np.sin(s * angle) * end) / np.sin(angle) for s in t
    ]
    paths = interpolate(start, end, 5, method="spherical")
    np.testing.assert_allclose(paths, np.stack(expected, axis=1), atol=1e-12)


def test_radii_change_linearly():
    radii = np.linalg.norm(interpolate(START, END, 5, method="spherical"), axis=2)
    first, last = (np.linalg.norm(codes, axis=1, keepdims=True) for codes in (START, END))
    np.testing.assert_allclose(radii, first + (last - first) * np.linspace(0, 1, 5))


@pytest.mark.parametrize("slack", [0, 1e-12, 1e-6])
def test_opposite_codes_go_around(slack):
    start = np.array([[3.0, 0.0, 0.0]])
    end = np.array([[-3.0, slack, 0.0]])
    paths = interpolate(start, end, 19, method="spherical")
    np.testing.assert_allclose(np.linalg.norm(paths, axis=2), 3)
    np.testing.assert_allclose(lengths_of_steps(paths), 6 * np.sin(np.pi / 36), rtol=1e-5)


@pytest.mark.parametrize("end", [2 * START, 0 * START], ids=["parallel", "zero"])
def test_without_an_angle_paths_are_straight(end):
    for ends in ((START, end), (end, START)):
        expected = interpolate(*ends, 5)
        np.testing.assert_allclose(interpolate(*ends, 5, method="spherical"), expected, atol=1e-12)


def test_degenerate_pairs_are_finite():
    zeros = np.zeros((1, 3))
    np.testing.assert_array_equal(
        interpolate(zeros, zeros, 4, method="spherical"), np.zeros((1, 4, 3))
    )
    line = interpolate([[-1.0]], [[2.0]], 5, method="spherical")[0, :, 0]
    assert (np.diff(line) > 0).all()


def test_decoded_by_anything():
    X = load_iris().data
    pca = PCA(2).fit(X)
    Z = pca.transform(X[:4])
    rows = interpolate(Z[:2], Z[2:], 3, decode=pca.inverse_transform)
    assert rows.shape == (2, 3, 4)
    np.testing.assert_allclose(rows[:, 0], pca.inverse_transform(Z[:2]))
    np.testing.assert_allclose(rows[:, 1], pca.inverse_transform((Z[:2] + Z[2:]) / 2))


def test_precision_is_kept():
    assert interpolate(START.astype(np.float32), END.astype(np.float32)).dtype == np.float32
    assert interpolate(START.astype(int), END.astype(int)).dtype == np.float64


def test_errors():
    with pytest.raises(ValueError, match=r"\['linear', 'spherical'\]. Got 'cubic' instead"):
        interpolate(START, END, method="cubic")
    with pytest.raises(ValueError, match="n_steps == 1, must be >= 2"):
        interpolate(START, END, 1)
    with pytest.raises(ValueError, match=r"Got shapes \(6, 4\) and \(5, 4\) instead"):
        interpolate(START, END[:5])
    with pytest.raises(ValueError, match="X_latent1 contains NaN"):
        interpolate(START, np.full_like(END, np.nan))


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_spherical_paths_of_any_size(size):
    paths = interpolate([[2 * size, 0]], [[0, 2 * size]], 3, method="spherical")
    np.testing.assert_allclose(paths[0, 1] / size, [2**0.5, 2**0.5])


def test_decoders_that_are_none():
    with pytest.raises(TypeError, match="decode must be a function"):
        interpolate([[0.0]], [[1.0]], decode=3)
    with pytest.raises(ValueError, match="decode must make a row of each of 10 points"):
        interpolate([[0.0]], [[1.0]], decode=lambda points: points[:5])
