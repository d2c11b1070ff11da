"""Bad input gets a clear error, and nothing is lost."""

import copy
import pickle
import re
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import KernelDensity
from skorch.callbacks import Checkpoint, EarlyStopping, EpochTimer
from torch import nn

from skae import AutoencoderTransformer

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def with_value(X, value, row=7, column=3):
    X = np.array(X)
    X[row, column] = value
    return X


class Fails(nn.Module):
    def forward(self, x):
        raise RuntimeError("no way")


class Raises(nn.Linear):
    def forward(self, x):
        raise KeyError("missing")


def batch_norm(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out))


def nothing_to_train(n_in, n_out):
    return nn.Linear(n_in, n_out).requires_grad_(False)


class Diverges(nn.Module):
    """Grows beyond all numbers after two steps of training."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.linear = nn.Linear(n_in, n_out)
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, x):
        if self.training:
            self.steps += 1
        return self.linear(x) * (torch.nan if self.steps > 2 else 1)


BAD_PARAMETERS = [
    ({"n_components": 0}, ValueError, "'n_components' parameter .* range \\[1, inf\\). Got 0"),
    ({"n_components": 2.5}, ValueError, "'n_components' parameter .* Got 2.5"),
    ({"hidden_layer_sizes": (8, 0)}, ValueError, "hidden_layer_sizes must hold integers .* Got"),
    ({"hidden_layer_sizes": (8.5,)}, ValueError, "hidden_layer_sizes must hold integers"),
    ({"hidden_layer_sizes": ("a",)}, ValueError, "hidden_layer_sizes must hold integers"),
    ({"hidden_layer_sizes": 0}, ValueError, "hidden_layer_sizes"),
    ({"hidden_layer_sizes": -3}, ValueError, "hidden_layer_sizes"),
    ({"hidden_layer_sizes": [[8, 4]]}, ValueError, "hidden_layer_sizes must hold integers"),
    ({"decoder_hidden_layer_sizes": (0,)}, ValueError, "decoder_hidden_layer_sizes must hold"),
    ({"activation": "swish"}, ValueError, "'activation' parameter .* Got 'swish'"),
    ({"likelihood": "poisson"}, ValueError, "'likelihood' parameter .* Got 'poisson'"),
    ({"noise": -1}, ValueError, "'noise' parameter"),
    ({"latent_penalty": "l3"}, ValueError, "'latent_penalty' parameter .* Got 'l3'"),
    ({"latent_alpha": -1}, ValueError, "'latent_alpha' parameter"),
    ({"alpha": -1}, ValueError, "'alpha' parameter"),
    ({"solver": "lbfgs"}, ValueError, "'solver' parameter .* Got 'lbfgs'"),
    ({"learning_rate_init": 0}, ValueError, "'learning_rate_init' parameter"),
    ({"batch_size": 0}, ValueError, "'batch_size' parameter"),
    ({"max_iter": 0}, ValueError, "'max_iter' parameter"),
    ({"tol": -1}, ValueError, "'tol' parameter"),
    ({"n_iter_no_change": 0}, ValueError, "'n_iter_no_change' parameter"),
    ({"early_stopping": "yes"}, ValueError, "'early_stopping' parameter"),
    ({"validation_fraction": 0}, ValueError, "'validation_fraction' parameter"),
    ({"validation_fraction": 1}, ValueError, "'validation_fraction' parameter"),
    ({"encoder": 3}, ValueError, "'encoder' parameter"),
    ({"decoder": "linear"}, ValueError, "'decoder' parameter"),
    ({"latent_sampler": "cauchy"}, ValueError, "'latent_sampler' parameter .* Got 'cauchy'"),
    ({"latent_sampler": object()}, ValueError, "'latent_sampler' parameter"),
    ({"device": "gpu"}, ValueError, "device must be .* Got 'gpu'"),
    ({"callbacks": [3]}, TypeError, "callbacks must hold skorch callbacks .* Got 3"),
    ({"callbacks": 3}, ValueError, "'callbacks' parameter"),
    ({"random_state": "0"}, ValueError, "'random_state' parameter"),
    ({"encoder": nn.Linear(64, 3)}, ValueError, "`encoder` must map rows of 64 .* of 2 columns"),
    ({"encoder": nn.Linear(63, 2)}, ValueError, r"`encoder` failed on an input of .* 64\)"),
    ({"decoder": nn.Linear(2, 65)}, ValueError, "`decoder` must map rows of 2 .* of 64 columns"),
    ({"decoder": nn.Linear(3, 64)}, ValueError, r"`decoder` failed on an input of .* 2\)"),
    ({"encoder": Fails()}, ValueError, "`encoder` failed on an input .* no way"),
    ({"encoder": lambda n_in, n_out: 3}, TypeError, "`encoder` must be a torch.nn.Module.* 3"),
    ({"decoder": lambda: 3}, TypeError, r"`decoder` must .* decoder\(2, 64\).* takes 0 positional"),
    ({"encoder": Raises}, ValueError, "`encoder` failed on an input .* 'missing'"),
    ({"encoder": batch_norm, "batch_size": 1}, ValueError, "`encoder` failed .* more than 1 value"),
    ({"encoder": nothing_to_train, "decoder": nothing_to_train}, ValueError, "parameter to train"),
    ({"hidden_layer_sizes": np.array(5.0)}, ValueError, "hidden_layer_sizes must hold integers"),
    ({"device": "meta"}, ValueError, "device must be .* Got 'meta'"),
    ({"callbacks": [(3, EpochTimer())]}, TypeError, r"callbacks must hold .* Got \(3, "),
    ({"callbacks": [EarlyStopping()]}, ValueError, "monitor='valid_loss'.* early_stopping=True"),
    ({"callbacks": [Checkpoint()]}, ValueError, "monitor to 'train_loss_best'"),
    ({"latent_sampler": KernelDensity}, TypeError, "latent_sampler must be a name or an instance"),
]


def name_of(value):
    """The value as text, without addresses: tests have the same names in every process."""
    return re.sub(r" at 0x\w+", "", str(value))


@pytest.mark.parametrize(("params", "error", "message"), BAD_PARAMETERS, ids=name_of)
def test_bad_parameters(params, error, message, digits, quick):
    with pytest.raises(error, match=message):
        quick(**params).fit(digits)


BAD_DATA = {
    "NaN": (lambda X: with_value(X, np.nan), "contains NaN.* row 7, column 3"),
    "infinity": (lambda X: with_value(X, np.inf), "contains infinity.* row 7, column 3"),
    "both infinities": (lambda X: with_value(with_value(X, -np.inf, 8), np.inf), "infinity.*row 7"),
    "NaN in CSR": (
        lambda X: sparse.csr_array(with_value(X, np.nan)),
        "contains NaN.* row 7, column 3",
    ),
    "NaN in a DataFrame": (
        lambda X: pd.DataFrame(with_value(X, np.nan)).rename(columns="pixel {}".format),
        "contains NaN.* row 7, column 3 \\('pixel 3'\\)",
    ),
    "NaN far down": (
        lambda X: with_value(np.tile(X, (20, 1)), np.nan, row=5000),
        "row 5000, column 3",
    ),
    "no rows": (lambda X: X[:0], "0 sample\\(s\\)"),
    "no columns": (lambda X: X[:, :0], "0 feature\\(s\\)"),
    "complex": (lambda X: X + 1j, "Complex data not supported"),
    "one dimension": (lambda X: X[0], "Expected 2D array, got 1D array instead"),
    "three dimensions": (lambda X: X[None], "dim 3"),
    "text": (lambda X: [["a", "b"]], "could not convert string"),
    "beyond float32": (lambda X: (X + 1).astype(np.float32) * 3e38, "infinity|extreme"),
}


@pytest.mark.parametrize("case", BAD_DATA)
@pytest.mark.filterwarnings("ignore:overflow")
def test_bad_data(case, digits, quick):
    spoil, message = BAD_DATA[case]
    for method in ("fit", "partial_fit"):
        with pytest.raises(ValueError, match=message):
            getattr(quick(), method)(spoil(digits))
    if case in ("NaN in a DataFrame", "beyond float32"):
        return  # names that fit has not seen; numbers that a fit on others gets along with
    est = quick().fit(digits)
    for method in ("transform", "score_samples", "score"):
        with pytest.raises(ValueError, match=message):
            getattr(est, method)(spoil(digits))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("n_rows", [300, 200_000])
def test_bad_codes(value, n_rows, digits, quick):
    est, codes = quick().fit(digits), np.zeros((n_rows, 2))
    with pytest.raises(ValueError, match=r"The first one is in row 7, column 1\."):
        est.inverse_transform(with_value(codes, value, column=1))
    with pytest.raises(ValueError, match="X has 3 features, but AutoencoderTransformer"):
        est.inverse_transform(np.zeros((n_rows, 3)))
    with pytest.raises(ValueError, match="Expected 2D array"):
        est.inverse_transform(codes[:, 0])


def test_sparse_tensor(digits, quick):
    with pytest.raises(TypeError, match="Sparse torch tensors are not supported"):
        quick().fit(torch.tensor(digits).to_sparse())


def test_tensor_that_numpy_cannot_hold(digits, quick):
    with pytest.raises(TypeError, match=r"NumPy cannot hold .*float8_e4m3fn"):
        quick().fit(torch.tensor(digits).to(torch.float8_e4m3fn))


def test_overflowing_variance(digits, quick):
    with pytest.raises(ValueError, match=r"variance of X overflows: .* 1e\+200"):
        quick().fit(digits * 1e200)


def test_bernoulli_takes_what_scalers_give(digits, quick):
    for excess in (-1e-15, 1e-15):
        X = np.array(digits)
        X[3, 3] = 1 + excess if excess > 0 else excess
        assert np.isfinite(quick(likelihood="bernoulli").fit(X).score(X))


@pytest.mark.parametrize(("low", "high"), [(0, 16), (-1, 1)])
def test_bernoulli_out_of_range(low, high, digits, quick):
    X = low + (high - low) * digits
    message = rf"requires X in \[0, 1\]. Got values from {low} to {high} instead. .*MinMaxScaler"
    with pytest.raises(ValueError, match=message):
        quick(likelihood="bernoulli").fit(X)
    est = quick(likelihood="bernoulli").fit(digits)
    with pytest.raises(ValueError, match=message):
        est.score_samples(X)
    with pytest.raises(ValueError, match=message):
        est.partial_fit(sparse.csr_array(X))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (-np.ones(300), "Negative values in data passed to `sample_weight`"),
        (np.zeros(300), "(?i)sample.weight.*zero"),
        (np.ones(299), "sample_weight.shape == \\(299,\\), expected \\(300,\\)"),
        (np.full(300, np.nan), "sample_weight contains NaN"),
        (np.ones((300, 2)), "Sample weights must be 1D"),
    ],
)
def test_bad_weights(weights, message, digits, quick):
    for method in ("fit", "partial_fit"):
        with pytest.raises(ValueError, match=message):
            getattr(quick(), method)(digits, sample_weight=weights)


def test_nothing_left_to_train_on(quick):
    est = quick(early_stopping=True)
    with pytest.raises(ValueError, match=r"validation_fraction=0\.1 leaves no row to train on"):
        est.fit([[1.0, 2.0]])


def test_wrong_widths(digits, quick):
    est = quick().fit(digits)
    with pytest.raises(ValueError, match="X has 63 features, but AutoencoderTransformer is expec"):
        est.transform(digits[:, :63])
    message = r"X has 3 features, but AutoencoderTransformer\.inverse_transform is expecting 2"
    with pytest.raises(ValueError, match=message):
        est.inverse_transform(np.zeros((4, 3)))
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
        est.inverse_transform([0.0, 0.0])
    with pytest.raises(ValueError, match=r"contains NaN.* row 1, column 0"):
        est.inverse_transform([[0.0, 0.0], [np.nan, 0.0]])


@pytest.mark.parametrize(
    ("n_samples", "error"), [(0, ValueError), (-1, ValueError), (2.5, TypeError), ("3", TypeError)]
)
def test_bad_n_samples(n_samples, error, digits, quick):
    est = quick().fit(digits)
    with pytest.raises(error, match="n_samples"):
        est.sample(n_samples)


def test_sampler_of_the_wrong_width(digits, quick):
    class Wrong:
        def fit(self, X, y=None):
            return self

        def sample(self, n_samples, random_state=None):
            return np.zeros((n_samples, 3))

        def get_params(self, deep=False):
            return {}

    with pytest.raises(ValueError, match=r"latent_sampler .* shape \(4, 2\). Got .* \(4, 3\)"):
        quick(latent_sampler=Wrong()).fit(digits).sample(4)


def test_partial_fit_refuses_early_stopping(digits, quick):
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        quick(early_stopping=True).partial_fit(digits)


def test_loss_that_is_no_number_says_what_to_try(digits, quick):
    est = quick(encoder=Diverges)
    with pytest.raises(ValueError, match=r"loss became nan in epoch 1. Try a smaller `learning_r"):
        est.fit(digits)
    assert vars(est) == vars(AutoencoderTransformer(**est.get_params()))


def test_divergence_in_the_last_step_is_found(digits, quick):
    with pytest.raises(ValueError, match="loss became"):
        quick(learning_rate_init=1e300, max_iter=1, batch_size=300).fit(digits)


FAILURES = {
    "bad data": lambda est, X: est.fit(
        pd.DataFrame(with_value(X, np.nan)[:, :5], columns=list("abcde"))
    ),
    "bad parameter": lambda est, X: est.set_params(alpha=-1).fit(X),
    "bad module": lambda est, X: est.set_params(encoder=nn.Linear(2, 2)).fit(X),
    "divergence": lambda est, X: est.set_params(encoder=Diverges).fit(X),
    "divergence when resumed": lambda est, X: est.set_params(
        warm_start=True, learning_rate_init=1e300
    ).fit(X),
    "divergence in partial_fit": lambda est, X: est.set_params(
        learning_rate_init=1e300
    ).partial_fit(X),
    "bad data in partial_fit": lambda est, X: est.partial_fit(X[:, :5]),
    "bad weights": lambda est, X: est.fit(X, sample_weight=-np.ones(len(X))),
}


@pytest.mark.parametrize("case", FAILURES)
def test_failed_fit_leaves_the_earlier_fit_untouched(case, digits, quick):
    est = quick().fit(digits)
    Z, loss_curve = est.transform(digits), list(est.loss_curve_)
    names = set(vars(est))
    optimizer = copy.deepcopy(est.net_.optimizer_.state_dict())
    with pytest.raises(ValueError, match=r"."):
        FAILURES[case](est, np.array(digits))
    assert set(vars(est)) == names
    assert est.loss_curve_ == loss_curve
    np.testing.assert_array_equal(est.transform(digits), Z)
    after = est.net_.optimizer_.state_dict()
    assert pickle.dumps(after["param_groups"]) == pickle.dumps(optimizer["param_groups"])
    assert all(
        torch.equal(after["state"][i]["exp_avg"], optimizer["state"][i]["exp_avg"])
        for i in optimizer["state"]
    )


def test_failed_first_fit_leaves_nothing(digits, quick):
    est = quick()
    before = dict(vars(est))
    with pytest.raises(ValueError, match="NaN"):
        est.fit(pd.DataFrame(with_value(digits, np.nan)).rename(columns=str))
    assert vars(est) == before


def test_warnings_as_errors_are_failures_too(digits, quick):
    est = quick().fit(digits)
    Z = est.transform(digits)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ConvergenceWarning, match="Maximum iterations"):
            est.fit(digits[::2])
    np.testing.assert_array_equal(est.transform(digits), Z)


def test_warning_points_at_the_call_of_fit(digits, quick):
    with pytest.warns(ConvergenceWarning) as record:
        quick().fit(digits)
    assert record[0].filename == __file__
