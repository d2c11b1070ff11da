"""Trial runs of the variational model, and what becomes of their verdict."""

import copy
import math

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.decomposition import PCA
from sklearn.utils import Bunch

from skae import VariationalAutoencoderTransformer
from skae._core import pilot_bound, posteriors
from skae._core.batches import Rows
from skae._core.pilot_bound import BoundTrial

from .test_pilot import SETTINGS, begun, gradients_of, noise, plain

ignore_not_converged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def trial(**changes):
    return BoundTrial(**{**SETTINGS, "first_gain": 0.7, "beta": 1.0, **changes})


def unit(X):
    return (X - X.min()) / (X.max() - X.min())


@pytest.mark.parametrize("likelihood", ["gaussian", "laplace"])
def test_curved_data_pay(likelihood, curve):
    factor, runs = trial(likelihood=likelihood).outcome(Rows(unit(curve)))
    assert runs.optimism[factor] >= 1


@pytest.mark.parametrize("seed", range(3))
def test_noise_does_not_pay(seed):
    for shape in ((30, 5), (100, 10), (40, 60)):
        assert trial(seed=seed).outcome(Rows(noise(*shape, seed)))[0] == math.inf


def test_few_rows_do_not_pay(curve):
    assert trial().outcome(Rows(curve[:9])) == (math.inf, None)


def test_runs_of_a_weaker_decay_have_the_same_noise(curve):
    rows = Rows(3 * curve[:100] + 0.1 * noise(100, 3))
    runs = trial().runs(rows)
    gains, weak = runs.gains(), runs.gains(0.3)
    optimism = dict(runs.optimism)
    np.testing.assert_array_equal(runs.gains(), gains)
    less = trial(decays=lambda n_rows: {"encoder": 0.3e-4, "decoder": 0.3e-3}).runs(rows)
    np.testing.assert_allclose(weak, less.gains(), rtol=1e-4, atol=1e-5)
    assert less.optimism[1.0] == pytest.approx(optimism[0.3], rel=1e-5)
    assert optimism[0.3] != pytest.approx(optimism[1.0], rel=1e-4)


def test_a_weaker_decay_is_tried_whatever_the_number_of_rows(curve, monkeypatch):
    def gains(runs, factor=1.0):
        return np.full(len(runs.weights), 2.0 - factor)

    monkeypatch.setattr(pilot_bound.BoundRuns, "gains", gains)
    for n_rows in (50, 200):
        factor, _ = trial().outcome(Rows(curve[:n_rows]))
        assert factor == 0.3


def test_a_weight_that_silences_the_codes_does_not_pay(curve):
    assert trial(beta=100.0).outcome(Rows(curve))[0] == math.inf


def test_new_rows_cost_more_where_rows_are_few(curve):
    bent = np.hstack([3 * curve, noise(len(curve), 5)])
    factors = []
    for X in (bent[::4], bent):
        runs = trial().runs(Rows(X))
        runs.gains()
        factors.append(runs.optimism[1.0])
    few, many = factors
    assert few > many > 1


def test_cost_of_the_start_is_the_likelihood_of_probabilistic_pca(monkeypatch):
    X = noise(60, 5) * [3, 2, 1, 1, 1]
    runs = trial(n_components=2).runs(Rows(X))
    rows = runs.x.double().numpy()
    trained = [PCA(2).fit(x[~held]) for x, held in zip(rows, runs.held_out, strict=True)]
    sizes = (~runs.held_out).sum(axis=1)
    # scikit-learn divides by n - 1.
    factors = (sizes - 1) / sizes
    noises = [pca.noise_variance_ * f for pca, f in zip(trained, factors, strict=True)]
    monkeypatch.setattr(runs, "_dispersions", lambda losses: noises)
    costs = runs.costs(linear=True)
    for pca, factor, x, cost in zip(trained, factors, rows, costs, strict=True):
        law = stats.multivariate_normal(pca.mean_, factor * pca.get_covariance())
        np.testing.assert_allclose(cost, -law.logpdf(x), rtol=1e-4)


def test_dispersions_are_those_of_rows_held_out():
    runs = trial(n_components=2).runs(Rows(noise(24, 3)))
    losses = torch.from_numpy(np.where(runs.held_out, 3.0, 2.0))
    np.testing.assert_allclose(runs._dispersions(losses), 3.0)
    assert runs.excess == pytest.approx(1.5)
    np.testing.assert_allclose(runs._dispersions(5 - losses), 3.0)  # never below the loss
    assert runs.excess == 1.0


@pytest.mark.parametrize("likelihood", ["gaussian", "laplace", "bernoulli"])
def test_gradients_are_those_of_the_bound_by_autograd(likelihood, curve, monkeypatch):
    bounds = -3.0, 0.5
    monkeypatch.setattr(pilot_bound, "LOG_VARIANCES", bounds)
    monkeypatch.setattr(posteriors, "LOG_VARIANCES", bounds)
    runs, networks = begun(trial(likelihood=likelihood, beta=2.0), Rows(unit(curve)))
    generator = runs.generator.get_state()
    with torch.inference_mode():
        runs.backpropagate(10**6)
    runs.generator.set_state(generator)
    x, target, shares = plain(runs.x), plain(runs.target), plain(runs.shares)
    encoded = torch.stack([run["encoder"](inputs) for run, inputs in zip(networks, x, strict=True)])
    mean, unbounded = encoded.chunk(2, dim=2)
    log_variance = unbounded.clamp(*bounds)
    assert set(bounds) < set(log_variance.flatten().tolist())
    codes = runs._draws(mean, log_variance)
    outputs = [run["decoder"](inputs) for run, inputs in zip(networks, codes, strict=True)]
    losses = torch.stack(
        [runs.likelihood.loss(*pair) for pair in zip(outputs, target, strict=True)]
    )
    losses = (losses * shares).sum(dim=1)
    nats = {"gaussian": losses.log() / 2, "laplace": losses.log(), "bernoulli": losses}
    law = torch.distributions.Normal(mean, (log_variance / 2).exp())
    kl = torch.distributions.kl_divergence(law, torch.distributions.Normal(0.0, 1.0)).sum(dim=2)
    loss = (nats[likelihood] + 2.0 * (kl * shares).sum(dim=1) / 3).sum()
    expected = gradients_of(loss, networks)
    torch.testing.assert_close(plain(runs.parameters.gradients), expected, rtol=1e-3, atol=1e-5)


def test_weights_are_copies(curve):
    counts = np.random.RandomState(0).randint(1, 4, len(curve))
    copies, weighted = Rows(np.repeat(curve, counts, axis=0)), Rows(curve, counts.astype(float))
    gains = [trial().runs(rows).gains() for rows in (copies, weighted)]
    np.testing.assert_allclose(*gains, rtol=1e-3, atol=1e-4)


# ------------------------------------------------------------------------ the estimator


@pytest.mark.parametrize("shape", [(100, 6), (12, 19), (40, 2)])
def test_where_nothing_is_to_be_gained_the_model_is_probabilistic_pca(shape, monkeypatch):
    monkeypatch.setattr(BoundTrial, "outcome", lambda *args: (math.inf, None))
    X, new = noise(*shape), 2 * noise(50, shape[1], seed=1)
    est = VariationalAutoencoderTransformer(1, random_state=0).fit(X)  # no warning
    pca = PCA(1).fit(X)
    assert est.alpha_ == math.inf
    assert est.beta_ == est.n_iter_ == 1
    assert est.noise_variance_ == pytest.approx(pca.noise_variance_, rel=1e-5)
    np.testing.assert_allclose(est.score_samples(new), pca.score_samples(new), rtol=1e-4)
    middle = est.transform(np.zeros((1, shape[1])))
    far = 1e3 * new  # linear everywhere
    np.testing.assert_allclose(
        est.transform(far) - middle, 2 * (est.transform(far / 2) - middle), rtol=1e-6
    )


# The noise of binary numbers is larger than that here, and silences the codes.
@pytest.mark.filterwarnings("ignore:The posterior has collapsed")
@pytest.mark.parametrize("likelihood", ["laplace", "bernoulli"])
def test_other_likelihoods_stay_at_the_linear_start(likelihood):
    est = VariationalAutoencoderTransformer(likelihood=likelihood, random_state=0)
    X = unit(noise(100, 4))
    est.fit(X)
    assert est.alpha_ == math.inf
    assert np.isfinite(est.score(X))
    if likelihood == "laplace":
        draws = est.inverse_transform(est.sample_posterior(X, random_state=0))
        assert est.noise_variance_ == pytest.approx(2 * np.abs(X - draws).mean() ** 2, rel=0.1)


@ignore_not_converged
def test_where_something_is_the_noise_is_that_of_new_rows(curve):
    curve = 3 * curve[::2] + 0.1 * noise(100, 3)
    est = VariationalAutoencoderTransformer(1, max_iter=60, random_state=0).fit(curve)
    assert est.alpha_ == pytest.approx(0.0006)
    factor = est.net_.module_.optimism
    assert factor > 1
    draws = [est.sample_posterior(curve, random_state=seed) for seed in range(50)]
    errors = [np.square(curve - est.inverse_transform(draw)).mean() for draw in draws]
    assert est.noise_variance_ == pytest.approx(factor * np.mean(errors), rel=0.05)
    assert est.elbo_ < est.score(curve) + 0.02


@ignore_not_converged
def test_the_weight_is_one_where_that_of_the_rows_does_not_pay(curve, monkeypatch):
    build = VariationalAutoencoderTransformer
    X = curve @ noise(3, 6) + 0.1 * noise(200, 6, seed=1)
    redundancy = build(alpha=0.002, max_iter=2, random_state=0).fit(X).beta_
    tried = []

    def outcome(self, rows):
        tried.append(self.beta)
        return (1.0 if self.beta == 1 else math.inf), Bunch(optimism={1.0: 1.5})

    monkeypatch.setattr(BoundTrial, "outcome", outcome)
    est = build(max_iter=2, random_state=0).fit(X)
    assert tried == [pytest.approx(redundancy), 1.0]
    assert (est.alpha_, est.beta_, est.net_.module_.optimism) == (0.002, 1, 1.5)
    weaker = 0.3, Bunch(optimism={1.0: 1.5, 0.3: 1.2})
    monkeypatch.setattr(BoundTrial, "outcome", lambda *args: weaker)
    est.fit(X)
    assert est.beta_ == pytest.approx(redundancy)
    assert (est.alpha_, est.net_.module_.optimism) == (pytest.approx(0.0006), 1.2)


@ignore_not_converged
@pytest.mark.parametrize(
    "params",
    [
        {"alpha": 0.02},
        {"beta": 1},
        {"free_bits": 0.1},
        {"noise": 0.1},
        {"encoder": torch.nn.Linear},
        {"hidden_layer_sizes": ()},
    ],
)
def test_what_is_not_tried(params, monkeypatch):
    monkeypatch.setattr(BoundTrial, "outcome", None)
    est = VariationalAutoencoderTransformer(**params, max_iter=2, random_state=0)
    assert est.fit(noise(40, 3)).alpha_ == params.get("alpha", 0.002)
    many = VariationalAutoencoderTransformer(max_iter=2, random_state=0).fit(noise(1001, 3))
    block = VariationalAutoencoderTransformer(random_state=0).partial_fit(noise(40, 3))
    assert many.alpha_ == block.alpha_ == 0.002
    assert many.net_.module_.optimism == 1


@ignore_not_converged
def test_a_model_that_stayed_learns_from_further_rows(curve):
    X, more = noise(60, 3), np.tile(curve, (4, 1)) + 0.01 * noise(800, 3)
    est = VariationalAutoencoderTransformer(1, max_iter=60, warm_start=True, random_state=0)
    assert est.fit(X).alpha_ == math.inf
    codes = est.transform(X)
    np.testing.assert_allclose(est.fit(X).transform(X), codes)  # stays again
    assert est.alpha_ == math.inf
    blocks = copy.deepcopy(est)
    linear = PCA(1).fit(more).score(more)
    assert est.fit(more).alpha_ == pytest.approx(0.0006)
    assert est.score(more) > linear + 0.5
    blocks.partial_fit(more)
    assert blocks.beta_ > 1
    for _ in range(40):
        blocks.partial_fit(more)
    assert blocks.score(more) > linear + 0.5


@ignore_not_converged
def test_trials_draw_no_random_numbers_of_the_training(curve):
    before = torch.get_rng_state()
    trial().outcome(Rows(curve))
    assert torch.equal(torch.get_rng_state(), before)


def test_of_few_rows_and_many_features_the_noise_is_that_of_new_rows(monkeypatch):
    monkeypatch.setattr(BoundTrial, "outcome", lambda *args: (math.inf, None))
    X, new = 2 * noise(20, 400), 2 * noise(300, 400, seed=1)
    est = VariationalAutoencoderTransformer(2, random_state=0).fit(X)
    errors = np.square(new - est.inverse_transform(est.transform(new)))
    assert est.noise_variance_ == pytest.approx(errors.mean(), rel=0.1)
    assert est.score(new) > PCA(2).fit(X).score(new) + 300


@ignore_not_converged
def test_a_model_that_stayed_at_pca_is_fitted_anew():
    first, second = noise(60, 5) * [3, 2, 0.1, 0.1, 0.1], 1 + noise(70, 5, seed=1)
    est = VariationalAutoencoderTransformer(warm_start=True, random_state=0).fit(first)
    assert est.alpha_ == math.inf
    fresh = VariationalAutoencoderTransformer(random_state=0).fit(second)
    np.testing.assert_array_equal(est.fit(second).transform(second), fresh.transform(second))
    assert est.noise_variance_ == fresh.noise_variance_
    assert est.n_iter_ == fresh.n_iter_


@ignore_not_converged
def test_what_new_rows_cost_more_is_forgotten_with_the_rows(curve):
    few, many = 3 * curve[::2] + 0.1 * noise(100, 3), np.tile(curve, (6, 1))
    est = VariationalAutoencoderTransformer(1, max_iter=5, warm_start=True, random_state=0)
    factor = est.fit(few).net_.module_.optimism
    assert factor > 1
    block = copy.deepcopy(est).partial_fit(few)
    number = copy.deepcopy(est).set_params(beta=1.0).fit(few)
    assert block.net_.module_.optimism == number.net_.module_.optimism == 1
    assert est.fit(few).net_.module_.optimism == factor
    assert est.fit(many).net_.module_.optimism == 1
