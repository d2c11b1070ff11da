"""What is the variational model's own: the bound, its optimum, the posterior, the prior."""

import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import LRScheduler
from torch import distributions, nn

from skae import AutoencoderTransformer, VariationalAutoencoderTransformer
from skae._core.batches import Rows, center_and_scale
from skae._core.bound import N_MOMENTS, RATE, EvidenceBound, kl_to_standard_normal
from skae._core.noise import BANK_SIZE, fixed_bank, key_axes, noise_for, row_numbers
from skae._core.posteriors import Posterior
from skae.metrics import gap_fraction, latent_extent, sampled_class_imbalance
from skae.metrics._estimators import latent_codes
from skae.sampling import PosteriorDensity

ignore_not_converged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def quick_vae():
    """Estimators that train for a moment only, without a trial, which would take longer."""

    def build(**params):
        defaults = {"hidden_layer_sizes": (16,), "max_iter": 6, "alpha": 0.002, "random_state": 0}
        return VariationalAutoencoderTransformer(**{**defaults, **params})

    return build


def spectrum_data(variances, n_samples=1000, seed=0):
    """Gaussian rows whose sample covariance has exactly these eigenvalues."""
    rng = np.random.RandomState(seed)
    Z = rng.standard_normal((n_samples, len(variances)))
    Z -= Z.mean(axis=0)
    Z = np.linalg.qr(Z)[0] * np.sqrt(n_samples)
    rotation = np.linalg.qr(rng.standard_normal((len(variances),) * 2))[0]
    return Z * np.sqrt(variances) @ rotation + 3


def ppca_log_likelihood(variances, n_components):
    """Mean over rows [Tipping and Bishop, 1999, eq. 8 and 10], of a sample covariance."""
    noise = np.mean(variances[n_components:])
    log_det = np.log(variances[:n_components]).sum()
    log_det += (len(variances) - n_components) * np.log(noise)
    return -(len(variances) * (np.log(2 * np.pi) + 1) + log_det) / 2, noise


VARIANCES = np.array([5.0, 3.0, 2.0, 0.3, 0.3, 0.3, 0.3, 0.3])


def test_linear_model_is_probabilistic_pca(quick_vae):
    """At its optimum the bound is the log-likelihood, and so is the importance-weighted one."""
    X = spectrum_data(VARIANCES)
    expected, noise = ppca_log_likelihood(VARIANCES, 3)
    est = quick_vae(n_components=3, hidden_layer_sizes=(), alpha=0, max_iter=200).fit(X)
    assert est.elbo_ == pytest.approx(expected, abs=0.05)
    assert est.score(X) == pytest.approx(expected, abs=0.05)
    assert est.noise_variance_ == pytest.approx(noise, rel=0.05)
    kl = np.log(VARIANCES[:3] / noise) / 2  # its mean over rows, at the optimum
    np.testing.assert_allclose(np.sort(est.kl_per_component_)[::-1], kl, rtol=0.05)


def test_active_components_are_the_directions_above_the_noise(quick_vae):
    X = spectrum_data(VARIANCES)
    est = quick_vae(n_components=6, hidden_layer_sizes=(), alpha=0, max_iter=200).fit(X)
    assert est.n_active_components_ == 3
    assert np.sort(est.kl_per_component_)[:3].max() < 0.01


def test_score_samples_of_a_linear_model_is_exact(quick_vae):
    """Against the density of N(mean, W Wᵀ + σ² I), row by row, W being read off the decoder."""
    X = spectrum_data(VARIANCES, n_samples=300)
    est = quick_vae(n_components=3, hidden_layer_sizes=(), alpha=0, max_iter=300, tol=0)
    est.set_params(n_iter_no_change=np.inf, n_importance_samples=2000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        est.fit(X)
    center = est.inverse_transform(np.zeros((1, 3)))[0]
    W = est.inverse_transform(np.eye(3)) - center
    law = stats.multivariate_normal(center, W.T @ W + est.noise_variance_ * np.eye(8))
    np.testing.assert_allclose(est.score_samples(X), law.logpdf(X), atol=0.05)


@ignore_not_converged
@pytest.mark.parametrize("likelihood", ["gaussian", "laplace", "bernoulli"])
def test_bound_is_below_the_integral(likelihood, digits, quick_vae):
    """In one component log p(x) can be integrated: no bound is above it, the score is at it."""
    est = quick_vae(n_components=1, likelihood=likelihood, max_iter=20).fit(digits)
    est.set_params(n_importance_samples=4000)
    grid = np.linspace(-8, 8, 4001)[:, None]
    output = est.inverse_transform(grid)
    laws = {
        "gaussian": lambda m: stats.norm(m, np.sqrt(est.noise_variance_ or 1)).logpdf,
        "laplace": lambda m: stats.laplace(m, np.sqrt((est.noise_variance_ or 1) / 2)).logpdf,
        "bernoulli": lambda m: lambda x: x * np.log(m) + (1 - x) * np.log1p(-m),
    }
    for x, score in zip(digits[:5], est.score_samples(digits[:5]), strict=True):
        with np.errstate(divide="ignore", invalid="ignore"):
            log_joint = np.nansum(laws[likelihood](output)(x), axis=1)
        log_joint += stats.norm.logpdf(grid[:, 0])
        top = log_joint.max()
        exact = top + np.log(integrate.simpson(np.exp(log_joint - top), x=grid[:, 0]))
        assert score == pytest.approx(exact, abs=0.1)
    assert est.elbo_ < est.score(digits) + 0.05


def test_more_importance_samples_tighten_the_bound(digits, quick_vae):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        est = quick_vae(max_iter=30).fit(digits)
    scores = [est.set_params(n_importance_samples=k).score(digits) for k in (1, 1000)]
    assert est.elbo_ - 0.02 < scores[1]
    assert est.elbo_ == pytest.approx(scores[0], abs=0.5)  # one draw estimates the bound


def test_kl_is_that_of_torch():
    generator = torch.Generator().manual_seed(0)
    mean, log_variance = torch.randn(2, 20, 3, dtype=torch.float64, generator=generator)
    law = distributions.Normal(mean, torch.exp(log_variance / 2))
    expected = distributions.kl_divergence(law, distributions.Normal(0.0, 1.0))
    torch.testing.assert_close(kl_to_standard_normal(mean, log_variance), expected)


def posterior_of(mean, log_variance, dtype=torch.float64):
    generator = torch.Generator().manual_seed(1)
    output, target = torch.rand(2, len(mean), 5, dtype=dtype, generator=generator)
    center, scale = mean.new_zeros(mean.shape[1]), mean.new_ones(mean.shape[1])
    dispersion = torch.tensor(0.3, dtype=dtype)
    return Posterior((mean, output, target, mean, log_variance, center, scale, dispersion))


LAWS = {
    "gaussian": lambda output: distributions.Normal(output, 0.3**0.5),
    "laplace": lambda output: distributions.Laplace(output, 0.3),
    "bernoulli": lambda output: distributions.Bernoulli(logits=output, validate_args=False),
}


@pytest.mark.parametrize("likelihood", LAWS)
def test_objective_is_the_bound(likelihood):
    generator = torch.Generator().manual_seed(0)
    mean, log_variance = torch.randn(2, 20, 3, dtype=torch.float64, generator=generator)
    posterior = posterior_of(mean, log_variance)
    nats = -LAWS[likelihood](posterior.output).log_prob(posterior.target).sum(dim=1)
    kl = kl_to_standard_normal(mean, log_variance).sum(dim=1)
    objective = EvidenceBound(likelihood, beta=2.0)
    expected = (nats + 2 * kl) / 5
    torch.testing.assert_close(objective.row_losses(posterior), expected)
    weights = torch.rand(20, dtype=torch.float64, generator=generator)
    result = objective(posterior, weights, penalize=True)
    torch.testing.assert_close(result, (weights * expected).mean())


def test_free_bits_spare_small_terms_only():
    mean = torch.tensor([[0.1, 2.0], [-0.1, -2.0]], dtype=torch.float64)
    posterior = posterior_of(mean, torch.zeros_like(mean))
    kl = kl_to_standard_normal(mean, torch.zeros_like(mean)).mean(dim=0)
    free = EvidenceBound("gaussian", free_bits=0.5)(posterior, None, penalize=True)
    full = EvidenceBound("gaussian")(posterior, None, penalize=True)
    assert kl[0] < 0.5 < kl[1]
    torch.testing.assert_close(free - full, (0.5 - kl[0]) / 5)


def test_noise_belongs_to_rows():
    x = torch.rand(500, 6, generator=torch.Generator().manual_seed(0))
    vectors = fixed_bank(3, x)
    noise = noise_for(row_numbers(x), vectors)
    torch.testing.assert_close(noise_for(row_numbers(x[[3, 3, 7]]), vectors), noise[[3, 3, 7]])
    assert len(torch.unique(noise, dim=0)) > 0.85 * 500  # BANK_SIZE vectors for 500 rows
    # Integers differ in the upper bits of a float only.
    whole = torch.arange(500.0)[:, None]
    assert len(torch.unique(noise_for(row_numbers(whole), vectors), dim=0)) > 0.8 * 500
    assert BANK_SIZE > 1000


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("values", [[0, 1], [-1, 1], [1, 2, 4], [0, 1e-30], [1e8, 1e8 + 1024]])
def test_rows_of_few_values_have_noise_of_their_own(values, dtype):
    """Where rows differ in signs, in exponents, in the order of their numbers, or far out."""
    x = torch.tensor(np.random.RandomState(0).choice(values, (500, 30)), dtype=dtype)
    center, scale = key_axes(*center_and_scale(Rows(x.numpy())))
    vectors = fixed_bank(3, x)
    noise = noise_for(row_numbers((x - center) / scale), vectors)
    assert len(torch.unique(noise, dim=0)) > 0.8 * 500
    transposed = x.t().contiguous().t()[::2]  # another layout, and other neighbours
    assert torch.equal(noise_for(row_numbers((transposed - center) / scale), vectors), noise[::2])


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_units_of_x_do_not_matter(factor, digits, quick_vae):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        est = quick_vae(max_iter=30).fit(digits)
        other = quick_vae(max_iter=30).fit(digits * factor + 7 * factor)
    assert other.elbo_ + 64 * np.log(factor) == pytest.approx(est.elbo_, abs=1.0)
    assert other.n_active_components_ == est.n_active_components_
    assert other.noise_variance_ == pytest.approx(factor**2 * est.noise_variance_, rel=0.03)


def test_batch_size_does_not_change_the_objective(quick_vae):
    X = spectrum_data(VARIANCES)
    fits = [
        quick_vae(n_components=4, hidden_layer_sizes=(), alpha=0, batch_size=b, max_iter=100).fit(X)
        for b in (50, 1000)
    ]
    assert fits[0].elbo_ == pytest.approx(fits[1].elbo_, abs=0.05)
    assert fits[0].n_active_components_ == fits[1].n_active_components_ == 3


@pytest.mark.parametrize(
    "load", [load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine]
)
def test_defaults_do_not_collapse(load):
    X = StandardScaler().fit_transform(load().data)[:600]
    est = VariationalAutoencoderTransformer(random_state=0, max_iter=100)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="The posterior has collapsed")
        warnings.filterwarnings("ignore", message="Maximum iterations")
        est.fit(X)
    assert est.n_active_components_ == 2
    assert est.score(X) > PCA(2).fit(X).score(X)


@ignore_not_converged
def test_weights_may_differ_without_bounds(digits, quick_vae):
    """Batches hold rows of next to no weight alone."""
    weights = np.full(300, 1e-300)
    weights[:2] = 1.0
    weighted = quick_vae(batch_size=50, alpha=0.01, max_iter=2).fit(digits, sample_weight=weights)
    assert np.isfinite(weighted.score_samples(digits[:2])).all()


@pytest.mark.filterwarnings("ignore:Maximum iterations")
def test_collapse_is_named(digits, quick_vae):
    with pytest.warns(ConvergenceWarning, match="posterior has collapsed.*smaller beta"):
        est = quick_vae(beta=1e4, max_iter=300, n_iter_no_change=np.inf).fit(digits)
    assert est.n_active_components_ == 0


@ignore_not_converged
def test_transform_is_the_mean_of_the_posterior(digits, quick_vae):
    est = quick_vae().fit(digits)
    Z = est.transform(digits)
    np.testing.assert_array_equal(est.transform(digits), Z)
    draws = np.array([est.sample_posterior(digits, random_state=seed) for seed in range(200)])
    np.testing.assert_allclose(draws.mean(axis=0), Z, atol=0.35)
    np.testing.assert_array_equal(est.sample_posterior(digits, random_state=3), draws[3])
    assert not np.array_equal(est.sample_posterior(digits), est.sample_posterior(digits))
    kl = (Z**2 + draws.var(axis=0) - 1 - np.log(draws.var(axis=0))) / 2
    np.testing.assert_allclose(kl.mean(axis=0), est.kl_per_component_, rtol=0.1, atol=0.02)


@ignore_not_converged
def test_scores_of_rows_depend_on_nothing_else(digits, quick_vae):
    est = quick_vae().fit(digits)
    scores = est.score_samples(digits)
    np.testing.assert_allclose(est.score_samples(digits[17:30]), scores[17:30], rtol=1e-9)
    twin = pickle.loads(pickle.dumps(est))
    np.testing.assert_array_equal(twin.score_samples(digits), scores)


@ignore_not_converged
def test_sample_draws_from_the_prior(digits, quick_vae):
    est = quick_vae().fit(digits)
    codes = est.latent_sampler_.sample(2000, random_state=0)
    assert stats.kstest(codes.ravel(), "norm").pvalue > 0.01
    assert est.sample(3, random_state=0).shape == (3, 64)
    fitted = quick_vae(latent_sampler="gmm").fit(digits)
    assert fitted.latent_sampler_.n_components_ >= 1


@ignore_not_converged
@pytest.mark.parametrize("law", ["posterior", PosteriorDensity(max_samples=500)], ids=str)
def test_sample_draws_from_the_aggregated_posterior(law, digits, quick_vae):
    est = quick_vae(latent_sampler=law).fit(digits)
    mean, std = est._posterior(digits)
    np.testing.assert_allclose(est.latent_sampler_.means_, mean, atol=1e-6)
    np.testing.assert_allclose(est.latent_sampler_.stds_, std, atol=1e-6)
    assert est.sample(5, random_state=0).shape == (5, 64)
    again = pickle.loads(pickle.dumps(est))
    np.testing.assert_array_equal(again.sample(5, random_state=0), est.sample(5, random_state=0))


@ignore_not_converged
def test_the_aggregated_posterior_counts_rows_by_weight(digits, quick_vae):
    weights = np.where(np.arange(300) < 30, 9.0, 0.0)
    est = quick_vae(latent_sampler="posterior").fit(digits, sample_weight=weights)
    assert len(est.latent_sampler_.means_) == 30
    own = {tuple(row) for row in est.transform(digits[:30]).round(6)}
    assert {tuple(row) for row in est.latent_sampler_.means_.round(6)} <= own


def test_the_plain_model_has_no_posterior(digits, quick):
    with pytest.raises(ValueError, match="'latent_sampler' parameter of AutoencoderTransformer"):
        quick(latent_sampler="posterior").fit(digits)
    with pytest.raises(ValueError, match=r"latent_sampler=.* takes a variational model"):
        quick(latent_sampler=PosteriorDensity()).fit(digits)


@pytest.fixture(scope="module")
def by_class():
    """A variational model of digits that draws by class, trained for a moment."""
    X, y = load_digits(return_X_y=True)
    est = VariationalAutoencoderTransformer(
        8, hidden_layer_sizes=64, max_iter=30, beta=1, latent_sampler="class_conditional",
        random_state=0,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return est.fit(X[:1000] / 16, y[:1000])


def test_rows_are_of_the_classes_asked_for(by_class):
    X, y = load_digits(return_X_y=True)
    wanted = np.repeat(np.arange(10), 30)
    rows = by_class.sample(300, y=wanted, random_state=0)
    found = KNeighborsClassifier(5).fit(X[1000:] / 16, y[1000:]).predict(rows)
    assert (found == wanted).mean() > 0.85


def test_supported_draws_and_paths(by_class):
    X = load_digits().data[:20] / 16
    rows = by_class.sample(50, supported_only=True, random_state=0)
    assert rows.shape == (50, 64)
    paths = by_class.interpolate(X[:10], X[10:], 5, method="spherical")
    ends = by_class.inverse_transform(by_class.transform(X[10:]))
    np.testing.assert_allclose(paths[:, -1], ends, atol=1e-6)


def test_the_three_faults_are_smaller_than_the_plain_models():
    """Under N(0, I): reach, classes of draws, and gaps, of models trained alike."""
    X, y = load_digits(return_X_y=True)
    reach, imbalance = {}, {}
    for cls in (AutoencoderTransformer, VariationalAutoencoderTransformer):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            est = cls(max_iter=60, random_state=0).fit(X / 16)
        codes = latent_codes(est, X / 16, random_state=0)
        options = {"sampler": "standard_normal", "random_state": 0}
        reach[cls] = latent_extent(codes, n_resamples=0).reach
        imbalance[cls] = sampled_class_imbalance(codes, y, **options)
    plain, variational = reach
    assert reach[plain] > 2
    assert 0.85 < reach[variational] < 1.1
    assert imbalance[variational] < imbalance[plain] / 3
    assert gap_fraction(codes, **options) < 0.06


@ignore_not_converged
def test_codes_are_placed_at_zero_and_one(digits, quick_vae):
    """Draws from the posteriors have mean 0 and mean square 1, along inactive axes too."""
    weights = np.random.RandomState(0).rand(300)
    est = quick_vae(n_components=4).fit(digits, sample_weight=weights)
    mean, std = est._posterior(digits)
    share = weights / weights.sum()
    np.testing.assert_allclose(share @ mean, 0, atol=1e-5)
    np.testing.assert_allclose(share @ (mean**2 + std**2), 1, atol=1e-5)


@ignore_not_converged
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_training_moves_codes_towards_zero_and_one(library, digits, quick_vae, monkeypatch):
    """By as much as one batch after the other would, at `RATE` each."""
    est = quick_vae().fit(digits)
    net, left = est.net_, (1 - RATE) ** N_MOMENTS
    axes = net.module_.to_latent
    center, scale = axes.center.clone(), axes.scale.clone()
    offset, variance = torch.tensor([[0.4, -2.0], [0.5, 3.0]], dtype=torch.float64)
    square = offset.square() + 0.25 * variance
    moments = torch.cat([offset, square, 0.75 * variance, variance.log()])
    if library == "torch":  # as elsewhere than on the CPU
        monkeypatch.setattr("skae._core.bound.array", lambda tensor: tensor)
    net.place_codes(moments if library == "torch" else moments.numpy())
    torch.testing.assert_close(axes.center, center + (1 - left) * offset)
    torch.testing.assert_close(axes.scale, scale**left * variance ** ((1 - left) / 2))


@ignore_not_converged
def test_the_summary_is_that_of_many_draws(digits, quick_vae):
    est = quick_vae(alpha=0.002).fit(digits)
    draws = [est.sample_posterior(digits, random_state=seed) for seed in range(50)]
    errors = [np.square(digits - est.inverse_transform(draw)).mean() for draw in draws]
    assert est.noise_variance_ == pytest.approx(np.mean(errors), rel=0.01)


@ignore_not_converged
def test_placing_codes_changes_no_reconstruction(digits, quick_vae):
    est = quick_vae().fit(digits)
    Z, rows = est.transform(digits), est.inverse_transform(est.transform(digits))
    est.net_.module_.place(torch.tensor([1.0, -2.0]).double(), torch.tensor([0.5, 3.0]).double())
    np.testing.assert_allclose(est.transform(digits), (Z - [1, -2]) / [0.5, 3], atol=1e-9)
    np.testing.assert_allclose(est.inverse_transform(est.transform(digits)), rows, atol=1e-9)


@ignore_not_converged
@pytest.mark.parametrize("encoder", [None, nn.Linear(64, 4)], ids=["built-in", "own"])
def test_automatic_beta_is_the_redundancy_of_the_noise(encoder, digits, quick_vae):
    est = quick_vae(encoder=encoder).fit(digits)
    left = PCA().fit(digits).explained_variance_[2:]
    assert est.beta_ == pytest.approx(62 * (left**2).sum() / left.sum() ** 2)
    assert quick_vae(beta=1.5).fit(digits).beta_ == 1.5


@ignore_not_converged
def test_automatic_beta_knows_how_much_noise_the_likelihood_assumes(digits, quick_vae):
    mean = digits.mean(axis=0)
    left = PCA().fit(digits).explained_variance_[2:] * 299 / 300
    assumed = (mean * (1 - mean)).mean()
    expected = (left.sum() / 62 / assumed) * 62 * (left**2).sum() / left.sum() ** 2
    est = quick_vae(likelihood="bernoulli").fit(digits)
    assert est.beta_ == pytest.approx(max(1, expected), rel=1e-6)
    assert est.beta_ < quick_vae().fit(digits).beta_


@pytest.mark.parametrize("likelihood", ["laplace", "bernoulli"])
def test_defaults_of_other_likelihoods_do_not_collapse(likelihood):
    X = load_digits().data / 16
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="The posterior has collapsed")
        warnings.filterwarnings("ignore", message="Maximum iterations")
        est = VariationalAutoencoderTransformer(
            likelihood=likelihood, random_state=0, max_iter=60
        ).fit(X)
    assert est.n_active_components_ == 2
    assert est.kl_per_component_.min() > 0.5


@ignore_not_converged
def test_automatic_beta_is_set_once(digits, quick_vae):
    est = quick_vae().partial_fit(digits[:200])
    beta = est.beta_
    assert est.partial_fit(digits[200:]).beta_ == beta
    est.set_params(warm_start=True).fit(digits[100:])
    assert est.beta_ == beta


@ignore_not_converged
def test_beta_may_become_automatic_in_a_warm_start(digits, quick_vae):
    est = quick_vae(beta=2.0, warm_start=True).fit(digits)
    assert est.beta_ == 2.0
    expected = quick_vae().fit(digits).beta_
    assert est.set_params(beta="auto").fit(digits).beta_ == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(2))
def test_independent_noise_needs_no_more_than_the_bound(seed, quick_vae):
    X = np.random.RandomState(seed).standard_normal((2000, 6)) * [3, 2, 0.5, 0.5, 0.5, 0.5]
    est = quick_vae(hidden_layer_sizes=(), tol=1e9, n_iter_no_change=1).fit(X)
    assert est.beta_ == pytest.approx(1, abs=0.02)


@ignore_not_converged
@pytest.mark.parametrize("kl_warmup", [0.3, 0.9])
def test_held_out_rows_are_scored_by_the_whole_bound(kl_warmup, digits, quick_vae):
    """During the warm-up too: else the best epoch would be one that hardly knew the prior."""
    options = {"early_stopping": True, "max_iter": 40, "n_iter_no_change": np.inf}
    est = quick_vae(kl_warmup=kl_warmup, **options).fit(digits)
    assert np.argmax(est.validation_scores_) >= 10


@ignore_not_converged
def test_training_does_not_stop_in_the_warmup(digits, quick_vae):
    scheduler = LRScheduler("StepLR", step_size=1000)
    options = {"max_iter": 60, "tol": 1e9, "n_iter_no_change": 2}
    for callbacks in ([], [scheduler]):
        est = quick_vae(kl_warmup=0.5, callbacks=callbacks, **options).fit(digits)
        assert est.n_iter_ > 30
        assert quick_vae(kl_warmup=0.0, callbacks=callbacks, **options).fit(digits).n_iter_ < 30


@ignore_not_converged  # with some seeds; rounding is enough to change them
@pytest.mark.parametrize("noise", [5e-3, 5e-4, 1e-5])
def test_little_noise(noise, quick_vae):
    """The optimum is narrow there: training must not end below its start."""
    rng = np.random.RandomState(0)
    angle = np.linspace(0, 6, 30)
    X = rng.standard_normal((400, 2)) @ [np.sin(angle), np.cos(angle)]
    X += noise * rng.standard_normal(X.shape)
    est = quick_vae(hidden_layer_sizes=(), alpha=0, beta=1, max_iter=100).fit(X)
    exact = PCA(2).fit(X).score(X)
    assert est.elbo_ == pytest.approx(exact, abs=0.5)
    assert est.score(X) == pytest.approx(exact, abs=0.5)
    assert est.noise_variance_ == pytest.approx(noise**2, rel=0.1)


@ignore_not_converged
@pytest.mark.parametrize(("factor", "shift"), [(1, 1e8), (1e-50, 0), (1e30, 0)])
def test_far_off_tiny_and_huge_rows_keep_their_noise(factor, shift, digits, quick_vae):
    est = quick_vae(max_iter=20).fit(digits)
    other = quick_vae(max_iter=20).fit(digits * factor + shift)
    assert other.elbo_ + 64 * np.log(factor) == pytest.approx(est.elbo_, abs=0.7)
    np.testing.assert_allclose(other.kl_per_component_, est.kl_per_component_, rtol=0.3)


@ignore_not_converged
def test_default_dtype_of_torch_does_not_matter(digits, quick_vae):
    est = quick_vae().fit(digits)
    scores = est.score_samples(digits)
    before = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64)
        np.testing.assert_array_equal(est.score_samples(digits), scores)
        assert quick_vae().fit(digits).elbo_ == pytest.approx(est.elbo_, rel=1e-6)
    finally:
        torch.set_default_dtype(before)


@ignore_not_converged
@pytest.mark.parametrize("n_draws", [1, 7, 5000])
def test_scores_in_blocks_are_scores(n_draws, digits, quick_vae, monkeypatch):
    est = quick_vae(n_importance_samples=n_draws).fit(digits)
    scores = est.score_samples(digits[:20])
    monkeypatch.setattr("skae._base.CHUNK_SIZE", 3000)
    np.testing.assert_allclose(est.score_samples(digits[:20]), scores, rtol=1e-9)


@ignore_not_converged
@pytest.mark.parametrize("n_draws", [0, -1, 2.5, "a", None])
def test_numbers_of_importance_samples_are_checked(n_draws, digits, quick_vae):
    est = quick_vae().fit(digits).set_params(n_importance_samples=n_draws)
    with pytest.raises((ValueError, TypeError), match="n_importance_samples"):
        est.score_samples(digits)


def test_warnings_name_the_callers_line(digits, quick_vae):
    with pytest.warns(ConvergenceWarning) as caught:
        quick_vae(beta=1e4, max_iter=100, n_iter_no_change=np.inf).fit(digits)
    assert {Path(w.filename).name for w in caught} == {"test_variational.py"}
    assert len(caught) == 2  # not converged, and collapsed


CHANGES = {
    "beta": 4.0, "free_bits": 2.0, "kl_warmup": 0.8, "likelihood": "laplace", "noise": 0.5,
    "alpha": 10.0, "solver": "sgd", "learning_rate_init": 0.01, "batch_size": 50,
    "hidden_layer_sizes": (8,), "activation": "tanh", "n_components": 3, "shuffle": False,
    "random_state": 1, "max_iter": 12, "early_stopping": True,
}  # fmt: skip


@pytest.fixture(scope="module")
def codes(digits, quick_vae):
    """Those that parameters are to change."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return quick_vae().fit_transform(digits)


@ignore_not_converged
@pytest.mark.parametrize("name", CHANGES)
def test_every_parameter_changes_something(name, digits, quick_vae, codes):
    changed = quick_vae(**{name: CHANGES[name]}).fit(digits).transform(digits)
    assert codes.shape != changed.shape or np.abs(codes - changed).max() > 1e-6


@ignore_not_converged
def test_kl_warmup_is_over_in_its_share_of_training(digits, quick_vae, monkeypatch):
    from skae._core.bound import VariationalNet

    shares = []
    step = VariationalNet.train_step

    def recorded(self, *args, **kwargs):
        shares.append(self.criterion_.kl_share)
        return step(self, *args, **kwargs)

    monkeypatch.setattr(VariationalNet, "train_step", recorded)
    params = {"max_iter": 20, "batch_size": 150, "tol": 0, "n_iter_no_change": np.inf}
    quick_vae(kl_warmup=0.5, **params).fit(digits)
    assert len(shares) == 40
    np.testing.assert_allclose(shares, np.minimum(1, np.arange(40) / 20))


@ignore_not_converged
def test_equal_rows_train_as_weights_do(digits, quick_vae):
    X = digits[:60]
    weights = np.arange(60) % 3
    weighted = quick_vae(max_iter=15).fit(X, sample_weight=weights)
    repeated = quick_vae(max_iter=15).fit(np.repeat(X, weights, axis=0))
    np.testing.assert_allclose(weighted.transform(X), repeated.transform(X), atol=1e-6)
    assert weighted.elbo_ == pytest.approx(repeated.elbo_)


@ignore_not_converged
def test_own_networks(digits, quick_vae):
    est = quick_vae(encoder=nn.Linear(64, 4), decoder=nn.Linear).fit(digits)
    assert est.transform(digits).shape == (300, 2)
    with pytest.raises(ValueError, match="`encoder` must map rows of 64 columns to rows of 4"):
        quick_vae(encoder=nn.Linear(64, 2)).fit(digits)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"beta": -1}, "'beta' parameter"),
        ({"free_bits": -0.1}, "'free_bits' parameter"),
        ({"kl_warmup": 1.5}, "'kl_warmup' parameter"),
        ({"n_importance_samples": 0}, "'n_importance_samples' parameter"),
    ],
)
def test_bad_parameters(params, message, digits, quick_vae):
    with pytest.raises(ValueError, match=message):
        quick_vae(**params).fit(digits)
