"""The parameter ``noise``."""

import pickle
import warnings

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from skorch.callbacks import Checkpoint

from skae import AutoencoderTransformer
from skae._core.batches import Rows

ignore_not_converged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def error(est, X):
    return np.square(X - est.inverse_transform(est.transform(X))).mean()


def fitting(X, n_components):
    """What ``'auto'`` is, from scikit-learn's PCA."""
    scaled = (X - X.mean(axis=0)) / np.sqrt(X.var(axis=0).mean())
    pca = PCA(n_components).fit(scaled)
    spread = pca.transform(scaled).std(axis=0)[-1]
    return 0.2 * (1 - pca.explained_variance_ratio_.sum()) * spread


@ignore_not_converged
@pytest.mark.parametrize("n_components", [1, 3])
@pytest.mark.parametrize("unit", [1, 1000])
@pytest.mark.parametrize("likelihood", ["gaussian", "laplace"])
def test_auto_is_said_by_pca(n_components, unit, likelihood, digits, quick):
    est = quick(n_components=n_components, likelihood=likelihood, max_iter=50).fit(unit * digits)
    assert est.noise_ == pytest.approx(fitting(digits, n_components), rel=1e-3)


@ignore_not_converged
@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"noise": 0.3}, 0.3),
        ({"noise": 0}, 0.0),
        ({"hidden_layer_sizes": ()}, 0.0),
        ({"activation": "identity", "alpha": 0.01}, 0.0),
        ({"encoder": torch.nn.Linear}, 0.0),
        ({"decoder": torch.nn.Linear}, 0.0),
    ],
    ids=str,
)
def test_where_nothing_suits_there_is_none(params, expected, digits, quick):
    assert quick(max_iter=50, **params).fit(digits).noise_ == expected


@ignore_not_converged
@pytest.mark.parametrize(
    ("max_iter", "share"), [(1, 0), (5, 0), (14, 0.2), (41, 0.8), (50, 1), (60, 1)]
)
def test_few_epochs_take_less(max_iter, share, digits, quick):
    est = quick(max_iter=max_iter, tol=0).fit(digits)
    assert est.noise_ == pytest.approx(share * fitting(digits, 2), rel=1e-3)
    assert quick(max_iter=max_iter, noise=0.3).fit(digits).noise_ == 0.3


@ignore_not_converged
def test_epochs_of_all_runs_count(digits, quick):
    est = quick(max_iter=14, warm_start=True, tol=0)
    noises = [est.fit(digits).noise_ for _ in range(4)]
    np.testing.assert_allclose(noises, np.interp([9, 23, 37, 51], [0, 45], [0, 5 * noises[0]]))
    assert est.partial_fit(digits).noise_ == pytest.approx(5 * noises[0])


def test_there_is_none_at_pca():
    X = np.random.RandomState(0).standard_normal((100, 6))
    est = AutoencoderTransformer(random_state=0).fit(X)
    assert (est.alpha_, est.noise_) == (np.inf, 0.0)


def test_new_rows_gain_by_it():
    train, test = train_test_split(load_digits().data / 16, random_state=0)
    errors = [
        error(AutoencoderTransformer(noise=noise, random_state=0).fit(train), test)
        for noise in ("auto", 0.0)
    ]
    assert errors[0] < 0.98 * errors[1]


@ignore_not_converged
def test_it_is_never_worse_than_the_start(digits, quick):
    """The start is compared without noise, which is no more than a means here."""
    steep = {"learning_rate_init": 10.0, "max_iter": 20}
    start = quick(max_iter=1, learning_rate_init=1e-12).fit(digits)
    assert error(quick(**steep).fit(digits), digits) < 1.000001 * error(start, digits)


@ignore_not_converged
@pytest.mark.parametrize("noise", ["auto", 0.5])
@pytest.mark.parametrize("max_iter", [20, 50, 100])  # with and without a bank of vectors
def test_weights_are_copies(max_iter, noise, quick):
    X = np.random.RandomState(0).standard_normal((30, 5))
    weights = np.random.RandomState(1).randint(0, 4, 30)
    params = {"noise": noise, "alpha": 0.01, "batch_size": 100, "max_iter": max_iter}
    weighted = quick(**params).fit(X, sample_weight=weights)
    copied = quick(**params).fit(np.random.RandomState(2).permutation(np.repeat(X, weights, 0)))
    np.testing.assert_allclose(weighted.transform(X), copied.transform(X), rtol=1e-6, atol=1e-8)


@ignore_not_converged
def test_further_training_keeps_it(digits, quick):
    est = quick(warm_start=True, max_iter=50).fit(digits)
    before = est.noise_
    assert est.fit(digits[:100]).noise_ == before
    assert est.partial_fit(digits[100:200]).noise_ == before
    assert quick().partial_fit(digits).noise_ == pytest.approx(before)


@ignore_not_converged
def test_units_do_not_matter(digits, quick):
    """Nor does it where batches see some of the rows."""
    est = quick(batch_size=50, max_iter=20)
    Z, Z_far = (est.fit_transform(unit * digits + unit) for unit in (1, 1000))
    np.testing.assert_allclose(Z_far, Z, rtol=1e-2, atol=1e-3)


@ignore_not_converged
def test_a_net_saved_in_training_goes_on_with_other_rows(digits, quick, tmp_path):
    options = {"f_params": None, "f_optimizer": None, "f_criterion": None, "f_history": None}
    checkpoint = Checkpoint(monitor=None, f_pickle="net.pkl", dirname=tmp_path, **options)
    quick(batch_size=300, noise=0.5, callbacks=[checkpoint]).fit(digits)
    net = pickle.loads((tmp_path / "net.pkl").read_bytes())
    assert net.module_.input_noise is None
    net.max_epochs = 1
    assert len(net.partial_fit(Rows(digits[:60])).history) == 5


@ignore_not_converged
def test_nothing_of_it_stays_in_memory(digits, quick):
    module = quick(noise=0.5).fit(digits).net_.module_
    assert module.input_noise is None


def test_loss_is_that_of_noisy_rows(digits):
    """And the noise variance that of rows as they are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        est = AutoencoderTransformer(noise=3.0, random_state=0, max_iter=30).fit(digits)
    assert est.loss_ > 1.05 * error(est, digits)
    assert est.noise_variance_ == pytest.approx(error(est, digits), rel=1e-6)


@pytest.mark.parametrize("noise", [-0.1, "large", None])
def test_bad_noise(noise, digits):
    with pytest.raises(ValueError, match="'noise' parameter"):
        AutoencoderTransformer(noise=noise).fit(digits)
