"""What the model computes: independent oracles, and every parameter changes something."""

import warnings

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.linalg import subspace_angles
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import LRScheduler
from torch import nn

from skae import AutoencoderTransformer

ignore_not_converged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def squared_error(est, X):
    return np.square(X - est.inverse_transform(est.transform(X))).mean()


def decoded_axes(est):
    """Directions in which the decodings of a linear decoder move."""
    points = np.vstack([np.zeros(est._n_features_out), np.eye(est._n_features_out)])
    decoded = est.inverse_transform(points)
    return (decoded[1:] - decoded[0]).T


@pytest.mark.parametrize("load", [load_breast_cancer, load_diabetes, load_iris, load_wine])
@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("n_components", [1, 3, 5, 10])
def test_linear_autoencoder_is_pca(load, scaled, n_components):
    X = load().data
    if n_components >= X.shape[1]:
        n_components = X.shape[1] - 1
    if scaled:
        X = StandardScaler().fit_transform(X)
    pca = PCA(n_components).fit(X)
    est = AutoencoderTransformer(n_components, hidden_layer_sizes=(), alpha=0, random_state=0)
    est.fit(X)
    assert squared_error(est, X) < 1.01 * squared_error(pca, X)
    angles = subspace_angles(decoded_axes(est), pca.components_.T)
    assert np.degrees(angles.max()) < 0.5


def test_linear_autoencoder_reaches_pca_from_random_weights():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((300, 6)) * [3, 2.5, 1, 0.5, 0.4, 0.3]
    pca = PCA(2).fit(X)
    est = AutoencoderTransformer(
        2, encoder=nn.Linear, decoder=nn.Linear, alpha=0, learning_rate_init=0.05, tol=1e-5,
        max_iter=400, random_state=0,
    )  # fmt: skip
    est.fit(X)
    assert squared_error(est, X) < 1.01 * squared_error(pca, X)
    assert np.degrees(subspace_angles(decoded_axes(est), pca.components_.T).max()) < 3


def test_curved_data_need_fewer_components_than_pca(curve):
    pca = PCA(1).fit(curve)
    est = AutoencoderTransformer(1, random_state=0).fit(curve)
    assert squared_error(est, curve) < 0.1 * squared_error(pca, curve)


@ignore_not_converged
@pytest.mark.parametrize("likelihood", ["gaussian", "laplace", "bernoulli"])
def test_score_samples_is_the_log_density_given_the_code(likelihood, digits, quick):
    est = quick(likelihood=likelihood).fit(digits)
    X = digits[:20]
    mean = est.inverse_transform(est.transform(X))
    if likelihood == "gaussian":
        law = stats.norm(mean, np.sqrt(est.noise_variance_))
        assert est.noise_variance_ == pytest.approx(squared_error(est, digits))
    elif likelihood == "laplace":
        errors = np.abs(digits - est.inverse_transform(est.transform(digits)))
        law = stats.laplace(mean, errors.mean())
        assert est.noise_variance_ == pytest.approx(2 * errors.mean() ** 2)
    if likelihood == "bernoulli":
        expected = (X * np.log(mean) + (1 - X) * np.log(1 - mean)).sum(axis=1)
        assert est.noise_variance_ is None
    else:
        expected = law.logpdf(X).sum(axis=1)
    np.testing.assert_allclose(est.score_samples(X), expected, rtol=1e-10)
    assert est.score(X) == pytest.approx(expected.mean())


def test_noise_variance_is_the_most_likely(digits):
    est = AutoencoderTransformer(hidden_layer_sizes=(8,), random_state=0).fit(digits)
    at_fitted = est.score(digits)
    fitted = est.noise_variance_
    for factor in (0.9, 1.1):
        est.noise_variance_ = factor * fitted
        assert est.score(digits) < at_fitted


def test_laplace_resists_outliers(curve):
    """Gross errors in one feature bend the squared error's fit more than the absolute one's."""
    X = curve.copy()
    X[::10, 0] += 1
    clean = np.arange(len(X)) % 10 != 0
    errors = {}
    for likelihood in ("gaussian", "laplace"):
        est = AutoencoderTransformer(1, likelihood=likelihood, max_iter=400, random_state=0).fit(X)
        errors[likelihood] = np.abs(X - est.inverse_transform(est.transform(X)))[clean].mean()
    assert errors["laplace"] < 0.7 * errors["gaussian"]


@ignore_not_converged
@pytest.mark.parametrize("likelihood", ["gaussian", "laplace"])
@pytest.mark.parametrize(("factor", "offset"), [(1000, 0), (1, 50), (1e-4, -3)])
def test_units_of_X_do_not_matter(likelihood, factor, offset, digits, quick):
    est = quick(likelihood=likelihood, max_iter=10).fit(digits)
    other = quick(likelihood=likelihood, max_iter=10).fit(factor * digits + offset)
    np.testing.assert_allclose(
        other.transform(factor * digits + offset), est.transform(digits), rtol=1e-4, atol=1e-6
    )
    unit = factor**2 if likelihood == "gaussian" else factor
    np.testing.assert_allclose(other.loss_curve_, np.multiply(est.loss_curve_, unit), rtol=1e-6)
    assert other.noise_variance_ == pytest.approx(est.noise_variance_ * factor**2, rel=1e-6)


@ignore_not_converged
def test_loss_is_the_mean_squared_error(digits, quick):
    """With a vanishing step size, the loss of an epoch is that of the model it ends with."""
    options = {"learning_rate_init": 1e-12, "max_iter": 1, "batch_size": 300, "noise": 0.0}
    est = quick(**options).fit(digits)
    assert est.loss_ == pytest.approx(squared_error(est, digits), rel=1e-6)
    weighted = quick(**options)
    weights = np.linspace(0, 2, 300)
    weighted.fit(digits, sample_weight=weights)
    errors = np.square(digits - weighted.inverse_transform(weighted.transform(digits)))
    expected = np.average(errors.mean(axis=1), weights=weights)
    assert weighted.loss_ == pytest.approx(expected, rel=1e-6)
    assert weighted.noise_variance_ == pytest.approx(expected, rel=1e-6)


CHANGES = {
    "n_components": 3,
    "hidden_layer_sizes": (8, 8),
    "decoder_hidden_layer_sizes": (4,),
    "activation": "tanh",
    "likelihood": "laplace",
    "noise": 0.5,
    "latent_penalty": "l2",
    "alpha": 10.0,
    "solver": "sgd",
    "learning_rate_init": 0.03,
    "batch_size": 50,
    "max_iter": 7,
    "early_stopping": True,
    "shuffle": False,
    "encoder": nn.Linear,
    "decoder": nn.Linear,
    "callbacks": [LRScheduler("StepLR", step_size=1)],
    "random_state": 1,
}


@pytest.fixture(scope="module")
def codes(digits, quick):
    """Those that parameters are to change."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return quick().fit_transform(digits)


@ignore_not_converged
@pytest.mark.parametrize("parameter", CHANGES)
def test_every_parameter_of_training_changes_the_codes(parameter, digits, quick, codes):
    changed = quick(**{parameter: CHANGES[parameter]}).fit(digits).transform(digits)
    assert codes.shape != changed.shape or np.abs(codes - changed).max() > 1e-6


@ignore_not_converged
@pytest.mark.parametrize("penalty", ["l1", "l2", "mmd"])
def test_latent_alpha_reaches_the_training(penalty, digits, quick):
    """Before: penalties so small that they change nothing. After: they shape the codes."""
    free, weak, strong = (
        quick(
            latent_penalty=name,
            latent_alpha=weight,
            alpha=0.01,
            max_iter=60,
            batch_size=300,
            noise=0.0,
        )
        .fit(digits)
        .transform(digits)
        for name, weight in ((None, 1.0), (penalty, 1e-12), (penalty, 1.0))
    )
    np.testing.assert_allclose(weak, free, rtol=1e-3, atol=1e-3)
    size = [np.square(Z).sum(axis=1).mean() for Z in (free, strong)]
    assert size[1] < 0.8 * size[0]


@ignore_not_converged
def test_mmd_draws_the_codes_to_the_standard_normal(digits, quick):
    codes = quick(latent_penalty="mmd", latent_alpha=10.0, max_iter=100).fit(digits)
    codes = codes.transform(digits)
    assert np.abs(codes.mean(axis=0)).max() < 0.2
    assert np.abs(np.cov(codes.T) - np.eye(2)).max() < 0.35


@ignore_not_converged
def test_alpha_shrinks_hidden_layers_but_not_the_linear_path(digits, quick):
    nets = [quick(alpha=alpha, max_iter=30).fit(digits).net_.module_ for alpha in (0, 10.0)]

    def squares(net, kind):
        return sum(float(p.detach().square().sum()) for n, p in net.named_parameters() if kind in n)

    kinds = ("layers.0.weight", "layers.2.weight", "linear.weight")
    hidden, output, linear = ([squares(net, kind) for net in nets] for kind in kinds)
    assert hidden[1] < 0.6 * hidden[0]
    assert output[1] < 0.6 * output[0]
    assert linear[1] > 0.8 * linear[0]


@pytest.mark.parametrize("shape", [(15, 5), (40, 8)])
def test_decay_leaves_few_rows_of_noise_to_pca(shape):
    """There is nothing to learn that rows held out share."""
    X, X_test = np.split(np.random.RandomState(0).standard_normal((2 * shape[0], shape[1])), 2)
    options = {"noise": 0.0, "random_state": 0}
    models = [AutoencoderTransformer(alpha=alpha, **options) for alpha in (0.01, 0)]
    decayed, undecayed, linear = (
        np.square(X_test - model.inverse_transform(model.fit(X).transform(X_test))).mean()
        for model in (*models, PCA(2))
    )
    assert decayed < 1.02 * linear
    assert undecayed > 1.1 * linear


@ignore_not_converged
def test_loss_is_without_the_decay(digits, quick):
    est = quick(alpha=1.0, max_iter=30, batch_size=300).fit(digits)
    error = np.square(digits - est.inverse_transform(est.transform(digits))).mean()
    assert est.loss_ == pytest.approx(error, rel=0.05)
    history = est.net_.history[:, ("objective", "train_loss")]
    assert all(objective > 1.02 * loss for objective, loss in history)


@ignore_not_converged
def test_decoder_mirrors_the_encoder(digits, quick):
    est = quick(hidden_layer_sizes=(32, 16), max_iter=1).fit(digits)
    widths = [
        [layer.out_features for layer in network.layers if hasattr(layer, "out_features")]
        for network in (est.net_.module_.encoder, est.net_.module_.decoder)
    ]
    assert widths == [[32, 16, 2], [16, 32, 64]]


def test_tol_and_n_iter_no_change_end_training(digits, quick):
    patient, hasty = (quick(max_iter=50, tol=1e9, n_iter_no_change=n).fit(digits) for n in (8, 2))
    assert hasty.n_iter_ < patient.n_iter_ < 50
    assert hasty.n_iter_ == len(hasty.loss_curve_)


@ignore_not_converged
def test_validation_fraction_holds_rows_out(digits, quick):
    small, large = (
        quick(early_stopping=True, validation_fraction=share).fit(digits) for share in (0.1, 0.5)
    )
    assert small.validation_scores_ != large.validation_scores_
    assert len(small.validation_scores_) == small.n_iter_
    assert small.best_validation_score_ == max(small.validation_scores_)
    assert quick().fit(digits).validation_scores_ is None


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_early_stopping_keeps_the_best_weights():
    """Overfit on purpose: the weights kept are those of the best epoch, not of the last."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((40, 20))
    est = AutoencoderTransformer(
        3, early_stopping=True, validation_fraction=0.5, learning_rate_init=0.03, alpha=0,
        max_iter=100, n_iter_no_change=100, random_state=0,
    ).fit(X)  # fmt: skip
    scores = est.validation_scores_
    assert np.argmax(scores) < len(scores) - 5
    # The held-out rows are those of the worst reconstruction: recover their mean loss.
    errors = np.square(X - est.inverse_transform(est.transform(X))).mean(axis=1)
    held_out = np.sort(errors)[-20:]
    assert -held_out.mean() == pytest.approx(max(scores), rel=0.1)
    assert -held_out.mean() > scores[-1] * 0.9


@ignore_not_converged
def test_encoder_and_decoder_modules_are_ordinary(digits, quick):
    est = quick().fit(digits.astype(np.float32))
    X = torch.tensor(digits, dtype=torch.float32)
    with torch.no_grad():
        codes = est.encoder_(X)
        decoded = est.decoder_(codes)
    np.testing.assert_allclose(codes, est.transform(X.numpy()), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(decoded, est.inverse_transform(codes.numpy()), rtol=1e-5, atol=1e-6)
    assert isinstance(est.encoder_, nn.Module)
    assert isinstance(est.decoder_, nn.Module)


@ignore_not_converged
def test_bernoulli_decodes_to_probabilities(digits, quick):
    est = quick(likelihood="bernoulli").fit(digits)
    decoded = est.inverse_transform(100 * np.random.RandomState(0).standard_normal((50, 2)))
    assert decoded.min() >= 0
    assert decoded.max() <= 1


@ignore_not_converged
def test_more_components_than_features(curve, quick):
    est = quick(n_components=5).fit(curve)
    assert est.transform(curve).shape == (200, 5)
    assert est.inverse_transform(np.zeros((1, 5))).shape == (1, 3)


@ignore_not_converged
@pytest.mark.parametrize(
    "sampler",
    ["gmm", "normal", "kde", "box", "standard_normal", "class_conditional", GaussianMixture(3)],
)
def test_latent_sampler_reaches_the_draws(sampler, digits, quick):
    est = quick(latent_sampler=sampler).fit(digits)
    other = quick(latent_sampler="box" if sampler != "box" else "normal").fit(digits)
    rows = est.sample(40, random_state=0)
    assert rows.shape == (40, 64)
    assert np.isfinite(rows).all()
    assert not np.array_equal(rows, other.sample(40, random_state=0))
