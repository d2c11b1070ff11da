"""What may be passed in, and what comes out."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy import sparse
from sklearn.exceptions import NotFittedError

from skae import AutoencoderTransformer
from skae._core.batches import Rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def as_memmap(X, folder):
    np.save(folder / "X.npy", X)
    return np.load(folder / "X.npy", mmap_mode="r")


KINDS = {
    "list": lambda X: X.tolist(),
    "fortran": np.asfortranarray,
    "pandas": lambda X: pd.DataFrame(X, columns=[f"pixel {j}" for j in range(X.shape[1])]),
    "polars": lambda X: pl.DataFrame(X, schema=[f"pixel {j}" for j in range(X.shape[1])]),
    "csr_matrix": sparse.csr_matrix,
    "csr_array": sparse.csr_array,
    "csc_array": sparse.csc_array,
    "torch": lambda X: torch.tensor(X),
    "torch with gradient": lambda X: torch.tensor(X, requires_grad=True),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_input_are_equivalent(kind, digits, quick):
    X = KINDS[kind](digits)
    expected = quick().fit(digits)
    est = quick().fit(X)
    # Sparse moments are summed in another order.
    np.testing.assert_allclose(est.transform(X), expected.transform(digits), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(
        est.score_samples(X), expected.score_samples(digits), rtol=1e-6, atol=1e-8
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["array", "csr_array", "torch", "memmap"])
def test_floats_are_kept(kind, dtype, digits, quick, tmp_path):
    X = digits.astype(dtype)
    X = as_memmap(X, tmp_path) if kind == "memmap" else KINDS.get(kind, np.asarray)(X)
    est = quick().fit(X)
    Z = est.transform(X)
    assert Z.dtype == dtype
    assert est.inverse_transform(Z).dtype == dtype
    assert est.sample(3).dtype == dtype
    assert est.score_samples(X).dtype == dtype
    assert all(p.dtype == torch.tensor(Z).dtype for p in est.encoder_.parameters())


def test_output_has_the_dtype_of_its_input_not_of_fit(digits, quick):
    est = quick().fit(digits.astype(np.float32))
    assert est.transform(digits).dtype == np.float64
    assert est.inverse_transform(np.zeros((1, 2))).dtype == np.float64
    assert est.sample().dtype == np.float32


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, bool, np.float16, object])
def test_other_numbers_become_float64(dtype, digits, quick):
    X = (digits > 0.5).astype(dtype)
    est = quick().fit(X)
    assert est.transform(X).dtype == np.float64
    expected = quick().fit(X.astype(np.float64)).transform(X.astype(np.float64))
    np.testing.assert_array_equal(est.transform(X), expected)


def test_bfloat16_tensor(digits, quick):
    X = torch.tensor(digits, dtype=torch.bfloat16)
    assert quick().fit(X).transform(X).dtype == np.float32


def test_pandas_nullable_and_mixed_dtypes(digits, quick):
    frame = pd.DataFrame(digits[:, :4], columns=list("abcd")).astype(
        {"a": "Float64", "b": "float32"}
    )
    est = quick().fit(frame)
    assert est.transform(frame).shape == (300, 2)
    assert list(est.feature_names_in_) == list("abcd")


def test_memory_map_is_read_in_place(digits, quick, tmp_path, monkeypatch):
    """The rows that batches are cut from are the map's own memory."""
    X = as_memmap(digits.astype(np.float32), tmp_path)
    seen = []

    class SpiedRows(Rows):
        def __init__(self, X, *args):
            seen.append(X)
            super().__init__(X, *args)

    monkeypatch.setattr("skae._base.Rows", SpiedRows)
    est = quick(batch_size=50).fit(X)
    assert seen
    assert all(np.shares_memory(rows, X) for rows in seen)
    in_memory = quick(batch_size=50).fit(np.array(X))
    np.testing.assert_array_equal(est.transform(X), in_memory.transform(np.array(X)))


def test_one_sample(quick):
    X = [[1.0, 2.0, 3.0]]
    est = quick().fit(X)
    assert est.transform(X).shape == (1, 2)
    np.testing.assert_allclose(est.inverse_transform(est.transform(X)), X, atol=0.5)
    np.testing.assert_allclose(est.sample(2, random_state=0), [X[0]] * 2, atol=0.5)


@pytest.mark.parametrize("n_samples", [1, 2, 50])
def test_one_feature(n_samples, quick):
    X = np.arange(float(n_samples))[:, None]
    est = quick(n_components=1).fit(X)
    assert est.transform(X).shape == (n_samples, 1)
    assert est.inverse_transform(est.transform(X)).shape == (n_samples, 1)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6, -3.7])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constant_data(value, dtype, quick):
    X = np.full((30, 5), value, dtype=dtype)
    est = quick(max_iter=200).fit(X)
    tolerance = 0.02 * max(1, abs(value))  # such data count as of scale 1
    np.testing.assert_allclose(est.inverse_transform(est.transform(X)), X, atol=tolerance)
    assert np.isfinite(est.score(X))
    assert np.isfinite(est.sample(5)).all()


def test_wide_data(quick):
    """More features than the covariance is taken of, and more than rows."""
    X = np.random.RandomState(0).standard_normal((30, 1500)).astype(np.float32)
    assert quick(n_components=40).fit(X).transform(X).shape == (30, 40)


def test_weights_may_come_with_sparse_and_mapped_rows(digits, quick, tmp_path):
    weights = np.arange(300.0) % 3
    dense = quick().fit(digits, sample_weight=weights).transform(digits)
    for X in (sparse.csr_array(digits), as_memmap(np.array(digits), tmp_path)):
        Z = quick().fit(X, sample_weight=weights).transform(X)
        np.testing.assert_allclose(Z, dense, rtol=1e-6, atol=1e-8)


def test_zero_weights_leave_rows_out(digits, quick):
    weights = (np.arange(300) % 2).astype(float)
    weighted = quick().fit(digits, sample_weight=weights)
    subset = quick().fit(digits[1::2])
    np.testing.assert_allclose(weighted.transform(digits), subset.transform(digits), atol=1e-9)


def test_chunks_do_not_show(digits, quick, monkeypatch):
    est = quick().fit(digits)
    Z, scores = est.transform(digits), est.score_samples(digits)
    monkeypatch.setattr("skae._base.CHUNK_SIZE", 7 * 64)
    np.testing.assert_allclose(est.transform(digits), Z, rtol=1e-12)
    np.testing.assert_allclose(est.score_samples(digits), scores, rtol=1e-12)
    np.testing.assert_allclose(est.transform(sparse.csr_array(digits)), Z, rtol=1e-12)


@pytest.mark.parametrize(
    "method", ["transform", "inverse_transform", "score_samples", "score", "sample"]
)
def test_not_fitted(method):
    est = AutoencoderTransformer()
    arguments = (1,) if method == "sample" else (np.zeros((2, 2)),)
    with pytest.raises(NotFittedError, match="AutoencoderTransformer instance is not fitted yet"):
        getattr(est, method)(*arguments)


def test_feature_names_out(digits, quick):
    est = quick(n_components=3).fit(digits)
    names = ["autoencodertransformer0", "autoencodertransformer1", "autoencodertransformer2"]
    assert list(est.get_feature_names_out()) == names
    assert list(est.set_output(transform="pandas").transform(digits).columns) == names
    assert est.set_output(transform="polars").transform(digits).columns == names
    # Codes in a DataFrame decode as well.
    frame = est.set_output(transform="pandas").transform(digits)
    assert est.inverse_transform(frame).shape == digits.shape
