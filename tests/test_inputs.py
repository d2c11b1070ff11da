"""What may be passed in, and what comes out."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy import sparse, stats
from sklearn.exceptions import NotFittedError
from torch import nn

from skae import AutoencoderTransformer
from skae._core.batches import Rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def as_memmap(X, folder):
    np.save(folder / "X.npy", X)
    return np.load(folder / "X.npy", mmap_mode="r")


def as_packed_field(X):
    """A view whose strides are no multiple of the size of its items."""
    packed = np.zeros(len(X), dtype=[("flag", "u1"), ("rows", X.dtype, X.shape[1:])])
    packed["rows"] = X
    return packed["rows"]


KINDS = {
    "list": lambda X: X.tolist(),
    "fortran": np.asfortranarray,
    "reversed view": lambda X: X[::-1, ::-1].copy()[::-1, ::-1],
    "packed field": as_packed_field,
    "negative tensor view": lambda X: torch.tensor(-1j * X).conj().imag,
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


@pytest.mark.parametrize("seed", range(10))
def test_constant_sparse_data_with_weights(seed, quick):
    """Their variance may come out below zero by rounding."""
    X = sparse.csr_array(np.full((40, 1), 7.3))
    est = quick().fit(X, sample_weight=np.random.RandomState(seed).rand(40))
    np.testing.assert_allclose(est.inverse_transform(est.transform(X)), 7.3, atol=0.1)


def test_sparse_duplicates_are_summed_in_a_copy(quick):
    halves = sparse.csr_array(
        (np.full(8, 0.25), np.repeat([0, 1, 0, 1], 2), [0, 4, 8]), shape=(2, 2)
    )
    whole = sparse.csr_array(halves.toarray())
    for likelihood in ("gaussian", "bernoulli"):
        est = quick(likelihood=likelihood).fit(halves)
        expected = quick(likelihood=likelihood).fit(whole).transform(whole)
        np.testing.assert_allclose(est.transform(halves), expected)
    assert halves.nnz == 8


@pytest.mark.parametrize("scale", [1e-30, 1e-15, 1e15, 1e25])
def test_extreme_scales_of_float32(scale, digits, quick):
    X = (digits * scale).astype(np.float32)
    est = quick().fit(X)
    np.testing.assert_allclose(
        est.transform(X), quick().fit(digits).transform(digits), rtol=1e-2, atol=1e-2
    )
    assert np.isfinite(est.score_samples(X)).all()


def test_modules_that_work_in_place_spare_the_input(digits, quick):
    def encoder(n_in, n_out):
        return nn.Sequential(nn.ReLU(inplace=True), nn.Linear(n_in, n_out))

    X = digits - 0.5
    for batch_size in (50, 300):
        est = quick(encoder=encoder, decoder=encoder, batch_size=batch_size).fit(X)
        Z = est.transform(X)
        codes = Z.copy()
        est.inverse_transform(Z)
        scores = est.score_samples(X)
        np.testing.assert_array_equal(X, digits - 0.5)
        np.testing.assert_array_equal(Z, codes)
        residuals = X - est.inverse_transform(Z)
        law = stats.norm(0, np.sqrt(est.noise_variance_))
        np.testing.assert_allclose(scores, law.logpdf(residuals).sum(axis=1))


def test_output_is_the_caller_s(digits, quick):
    class Remembers(nn.Linear):
        def forward(self, x):
            self.answer = super().forward(x)
            return self.answer

    for own in ({}, {"encoder": Remembers, "decoder": Remembers}):
        est = quick(**own).fit(digits)
        Z = est.transform(digits)
        X_hat = est.inverse_transform(Z)
        for output in (Z, X_hat):
            assert output.flags.c_contiguous
            assert output.flags.writeable
        kept = Z.copy()
        if own:
            Z[:] = 0
            X_hat[:] = 0
            assert est.encoder_.answer.abs().max() > 0
            assert est.decoder_.answer.abs().max() > 0
        Z[:] = 0
        np.testing.assert_array_equal(est.transform(digits), kept)


def test_own_encoder_sees_the_rows_as_they_are(quick):
    """Whole numbers stay whole: they are not standardized and brought back."""
    seen = []

    class Exact(nn.Linear):
        def forward(self, x):
            seen.append(x.clone())
            return super().forward(x)

    X = np.random.RandomState(0).randint(0, 100, (200, 7)).astype(np.float32)
    quick(encoder=Exact, noise=0.0).fit(X)
    assert all((x == x.round()).all() for x in seen)
    seen.clear()
    quick(encoder=Exact, noise=0.1).fit(X)
    assert not all((x == x.round()).all() for x in seen)


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
    assert np.abs(est.transform(X + 1)).max() < 10


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


@pytest.mark.parametrize("factor", [1e-300, 1e308])
def test_unit_of_the_weights_does_not_matter(factor, digits, quick):
    weights = np.linspace(0.1, 1, 300)
    codes = [
        quick().fit(digits, sample_weight=w).transform(digits) for w in (weights, factor * weights)
    ]
    np.testing.assert_allclose(*codes, atol=1e-8)


@pytest.mark.parametrize("nothing", [0.0, 1e-40, 1e-300])
def test_zero_weights_leave_rows_out(nothing, digits, quick):
    """So do weights that no sum of numbers would show beside the largest."""
    weights = np.where(np.arange(300) % 2, 1.0, nothing)
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


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_training_leaves_the_rows_as_they_are(digits, dtype, order, quick):
    X = np.array(digits, dtype=dtype, order=order)
    for options in ({"shuffle": False}, {"noise": 0.1}, {"encoder": torch.nn.Linear}):
        quick(max_iter=30, tol=1.0, batch_size=50, **options).fit(X)
    np.testing.assert_array_equal(X, digits.astype(dtype))
