"""Trial runs: whether they see what held-out rows gain, and what becomes of their verdict."""

import copy
import math

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from skorch.callbacks import Callback
from torch import nn

from skae import AutoencoderTransformer, VariationalAutoencoderTransformer
from skae._core import pilot
from skae._core.batches import Rows
from skae._core.fused import layout_of
from skae._core.pilot import Trial, different, likely_positive

ignore_not_converged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


SETTINGS = {
    "likelihood": "gaussian",
    "activation": "silu",
    "n_components": 1,
    "first_gain": 0.4,
    "decays": lambda n_rows: {"encoder": 1e-4, "decoder": 1e-3},
    "seed": 0,
}


def trial(**changes):
    return Trial(**{**SETTINGS, **changes})


def pays(tried, rows):
    return tried.outcome(rows)[0] < math.inf


def noise(n_samples, n_features, seed=0):
    return np.random.RandomState(seed).standard_normal((n_samples, n_features))


@pytest.mark.parametrize("likelihood", ["gaussian", "laplace", "bernoulli"])
def test_curved_data_pay_and_noise_does_not(likelihood, curve):
    unit = (curve - curve.min()) / (curve.max() - curve.min())
    assert pays(trial(likelihood=likelihood), Rows(unit))
    flat = noise(200, 3)
    flat = (flat - flat.min()) / (flat.max() - flat.min())
    # Axes of least absolute error are not PCA's, even for noise.
    if likelihood != "laplace":
        assert not pays(trial(likelihood=likelihood), Rows(flat))


@pytest.mark.parametrize("seed", range(5))
def test_noise_does_not_pay(seed):
    for shape in ((30, 5), (100, 10), (40, 60)):
        assert not pays(trial(seed=seed), Rows(noise(*shape, seed)))


def test_few_rows_do_not_pay(curve):
    assert not pays(trial(), Rows(curve[:9]))
    assert not pays(trial(), Rows(np.repeat(curve[:9], 20, axis=0)))


def asked_of(rows, monkeypatch):
    """Gains of the rows, their weights, and the standard errors that their mean is to exceed."""
    seen = []
    monkeypatch.setattr(pilot, "likely_positive", lambda *args: seen.append(args) or True)
    trial().outcome(rows)
    return seen[0]


def gains_of(rows, monkeypatch):
    return asked_of(rows, monkeypatch)[0]


@pytest.mark.parametrize(("n_rows", "n_errors"), [(100, 1.25), (300, 1.25 / 4), (900, 1.25 / 36)])
def test_less_certainty_is_asked_of_many_rows(n_rows, n_errors, monkeypatch):
    rows = noise(n_rows, 4)
    assert asked_of(Rows(rows), monkeypatch)[2] == pytest.approx(n_errors)
    copies = np.repeat(rows, 2, axis=0)
    assert asked_of(Rows(copies), monkeypatch)[2] == pytest.approx(n_errors)


def test_gains_are_those_of_runs_that_begin_anew(curve):
    rows = Rows(curve[:60])
    runs = trial().runs(rows)
    gains, weak = runs.gains(), runs.gains(0.3)
    np.testing.assert_array_equal(runs.gains(), gains)
    less = trial(decays=lambda n_rows: {"encoder": 0.3e-4, "decoder": 0.3e-3})
    np.testing.assert_allclose(weak, less.runs(rows).gains(), rtol=1e-5, atol=1e-8)
    assert not np.allclose(weak, gains, rtol=1e-3)


@pytest.mark.parametrize(("surplus", "factor"), [(1.9, 1.0), (2.1, 0.3)])
def test_a_weaker_decay_must_gain_more_by_two_errors(surplus, factor, curve, monkeypatch):
    def gains(runs, factor=1.0):
        spread = np.tile([-1.0, 1.0], len(runs.weights) // 2) / 10  # an error of 0.01
        return 1 + (factor < 1) * (spread + 0.01 * surplus)

    monkeypatch.setattr(pilot.Runs, "gains", gains)
    assert trial().outcome(Rows(curve[:100]))[0] == factor
    assert trial().outcome(Rows(curve))[0] == 1.0  # of 200 rows it is not asked


@ignore_not_converged
def test_few_rows_have_a_weaker_decay_where_they_gain_by_it(curve):
    X, X_new = curve[:40], curve[40:]
    est = AutoencoderTransformer(1, random_state=0).fit(X)
    assert est.alpha_ == pytest.approx(0.0015)
    group = est.net_.optimizer_.param_groups[-1]
    assert group["weight_decay"] == pytest.approx(0.0015 * (100 / 40) ** 2)
    # With the whole of it a tenth of PCA's error is left.
    assert error(est, X_new) < 0.05 * error(PCA(1).fit(X), X_new)


@ignore_not_converged
def test_a_small_gain_of_many_rows_is_followed():
    """Trial runs are too short to see how much more a sheet explains of four dimensions."""
    X, X_new = noise(900, 4), noise(300, 4, seed=1)
    est = AutoencoderTransformer(random_state=0).fit(X)
    assert math.isfinite(est.alpha_)
    assert error(est, X_new) < 0.7 * error(PCA(2).fit(X), X_new)


def test_weights_are_copies_and_order_does_not_matter(curve, monkeypatch):
    counts = np.random.RandomState(0).randint(1, 4, len(curve))
    copies, weighted = Rows(np.repeat(curve, counts, axis=0)), Rows(curve, counts.astype(float))
    expected = gains_of(copies, monkeypatch)
    np.testing.assert_allclose(gains_of(weighted, monkeypatch), expected, rtol=1e-4, atol=1e-6)
    reverse = Rows(curve[::-1].copy(), counts[::-1].astype(float))
    np.testing.assert_allclose(gains_of(reverse, monkeypatch), expected, rtol=1e-4, atol=1e-6)


def test_different_rows_add_their_weights():
    rows = different(
        Rows(np.array([[1.0, 2.0], [0.0, 1.0], [1.0, 2.0]]), np.array([1.0, 1.0, 4.0]))
    )
    np.testing.assert_array_equal(rows.X, [[0, 1], [1, 2]])
    np.testing.assert_allclose(rows.weights, [1 / 3, 5 / 3])


def test_likely_positive_counts_standard_errors():
    values, weights = np.array([1.0, 3.0]), np.ones(2)  # mean 2, standard error 1 / sqrt(2)
    assert likely_positive(values - 1.1, weights, 1.25)
    assert not likely_positive(values - 1.13, weights, 1.25)
    assert likely_positive(values - 1.2, weights, 1)
    assert not likely_positive(np.zeros(2), weights, 0)


def begun(trial, rows):
    """Runs amid weights that nothing is special at, and perceptrons of these for each of them."""
    runs = trial.runs(rows)
    networks, *_ = trial._untrained(different(rows), runs.held_out)
    values = torch.randn(runs.parameters.values.shape, generator=torch.Generator().manual_seed(0))
    values.mul_(0.3).add_(runs.parameters.values)
    with torch.inference_mode():
        runs.parameters.values.copy_(values)
    for run, vector in zip(networks, values, strict=True):
        layout = layout_of(run.values())
        for p, view in zip(layout.turned, layout.views(vector), strict=True):
            p.data = view
    return runs, networks


def gradients_of(loss, networks):
    """By autograd, as those of the runs are."""
    layouts = [layout_of(run.values()) for run in networks]
    gradients = [torch.autograd.grad(loss, list(lay.turned), retain_graph=True) for lay in layouts]
    return torch.stack([lay.flat(of_run) for lay, of_run in zip(layouts, gradients, strict=True)])


def plain(tensor):
    """A copy that autograd takes."""
    return tensor.clone()


@pytest.mark.parametrize("likelihood", ["gaussian", "laplace", "bernoulli"])
@pytest.mark.parametrize("activation", ["silu", "relu", "tanh"])
def test_gradients_are_those_of_autograd(activation, likelihood, curve):
    unit = (curve - curve.min()) / (curve.max() - curve.min())
    settings = {"activation": activation, "likelihood": likelihood, "n_components": 2}
    runs, networks = begun(trial(**settings), Rows(unit, np.random.RandomState(0).rand(200)))
    with torch.inference_mode():
        runs.backpropagate(0)
    x, target, shares = plain(runs.x), plain(runs.target), plain(runs.shares)
    outputs = [
        run["decoder"](run["encoder"](inputs)) for run, inputs in zip(networks, x, strict=True)
    ]
    losses = torch.stack(
        [runs.likelihood.loss(*pair) for pair in zip(outputs, target, strict=True)]
    )
    expected = gradients_of((losses * shares).sum(), networks)
    torch.testing.assert_close(plain(runs.parameters.gradients), expected, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(runs.costs(), losses.detach(), rtol=1e-4, atol=1e-6)


def test_steps_are_those_of_adam_with_decay_of_hidden_weights(curve):
    decays = {"encoder": 0.5, "decoder": 2.0}
    runs, networks = begun(trial(decays=lambda n_rows: decays), Rows(curve))
    gradients = torch.randn(runs.parameters.values.shape, generator=torch.Generator())
    networks, ours = networks[0], runs.parameters
    layout = layout_of(networks.values())
    known = list(layout.turned)
    groups = [
        {"params": [layer.weight for layer in network.layers[::2]], "weight_decay": decay}
        for network, decay in zip(networks.values(), decays.values(), strict=True)
    ]
    decayed = {p for group in groups for p in group["params"]}
    optimizer = torch.optim.Adam([*groups, {"params": [p for p in known if p not in decayed]}])
    for learning_rate in (0.01, 0.02):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
        for p, gradient in zip(known, layout.views(gradients[0]), strict=True):
            p.grad = gradient.clone()
        optimizer.step()
        with torch.inference_mode():
            ours.gradients.copy_(gradients)
            ours.step(learning_rate)
    expected = layout.flat([p.detach() for p in known])
    torch.testing.assert_close(plain(ours.values[0]), expected)


@pytest.mark.parametrize("activation", ["silu", "relu", "tanh"])
def test_linear_paths_are_straightened_perceptrons(activation, curve):
    rows = different(Rows(curve))
    runs = trial(activation=activation).runs(rows)
    networks, x, _ = trial(activation=activation)._untrained(rows, runs.held_out)
    for name, stack in {"encoder": runs.encoder, "decoder": runs.decoder}.items():
        outputs = stack(x, linear=True)
        for run, inputs, output in zip(networks, x, outputs, strict=True):
            run[name].straighten()
            torch.testing.assert_close(output, run[name](inputs), rtol=1e-4, atol=1e-5)
        x = outputs


def error(est, X):
    return np.square(X - est.inverse_transform(est.transform(X))).mean()


@pytest.mark.parametrize("params", [{}, {"early_stopping": True}, {"verbose": 1}])
def test_where_nothing_is_to_be_gained_the_model_is_pca(params, capsys):
    X = noise(100, 6)
    est = AutoencoderTransformer(**params, random_state=0).fit(X)  # no warning
    assert est.alpha_ == math.inf
    assert est.n_iter_ == len(est.loss_curve_) == 1
    if not params.get("early_stopping"):
        assert error(est, X) == pytest.approx(error(PCA(2).fit(X), X), rel=1e-6)
        assert est.loss_ == pytest.approx(error(est, X), rel=1e-6)
        assert est.noise_variance_ == pytest.approx(est.loss_, rel=1e-6)
    far = 1e3 * noise(5, 6)  # linear everywhere
    middle = est.transform(np.zeros((1, 6)))
    np.testing.assert_allclose(est.transform(far) - middle, 2 * (est.transform(far / 2) - middle))


def test_noise_of_many_rows_leaves_pca():
    est = AutoencoderTransformer(random_state=0).fit(noise(1000, 30))
    assert est.alpha_ == math.inf


@ignore_not_converged
def test_where_something_is_the_model_is_that_of_the_decay(curve):
    est = AutoencoderTransformer(1, max_iter=60, random_state=0).fit(curve)
    assert est.alpha_ == 0.005
    assert error(est, curve) < 0.5 * error(PCA(1).fit(curve), curve)
    decays = {group.get("part", "decoder"): group for group in est.net_.optimizer_.param_groups}
    assert decays["decoder"]["weight_decay"] == pytest.approx(0.005 * (100 / 200) ** 1.25)
    assert decays["encoder"]["weight_decay"] == pytest.approx(0.0005 * (100 / 200) ** 1.25)


PLAIN, VARIATIONAL = AutoencoderTransformer, VariationalAutoencoderTransformer


@ignore_not_converged
@pytest.mark.parametrize(
    ("cls", "n_rows", "share"),
    [
        (PLAIN, 25, 16.0),
        (PLAIN, 100, 1.0),
        (PLAIN, 1600, 1 / 32),
        (VARIATIONAL, 25, 16.0),
        (VARIATIONAL, 400, 1 / 8),
        (VARIATIONAL, 10_000, 1e-3),
    ],
)
def test_decay_falls_with_the_rows(cls, n_rows, share):
    est = cls(1, alpha=0.5, max_iter=1, random_state=0).fit(noise(n_rows, 3))
    group = est.net_.optimizer_.param_groups[-1]
    assert group["weight_decay"] == pytest.approx(0.5 * share)


@ignore_not_converged
@pytest.mark.parametrize(
    "params",
    [
        {"alpha": 0.02},
        {"latent_penalty": "l2"},
        {"noise": 0.1},
        {"encoder": nn.Linear},
        {"hidden_layer_sizes": ()},
    ],
)
def test_what_is_not_tried(params, monkeypatch):
    monkeypatch.setattr(Trial, "outcome", None)
    est = AutoencoderTransformer(**params, max_iter=2, random_state=0).fit(noise(40, 3))
    assert est.alpha_ == params.get("alpha", 0.005)
    many = AutoencoderTransformer(max_iter=2, random_state=0).fit(noise(1001, 3))
    wide = AutoencoderTransformer(max_iter=2, random_state=0).fit(noise(400, 700))
    assert many.alpha_ == wide.alpha_ == 0.005


@ignore_not_converged
def test_further_training_keeps_the_decay(curve):
    X = noise(60, 4)
    est = AutoencoderTransformer(warm_start=True, random_state=0).fit(X)
    codes = est.transform(X)
    np.testing.assert_array_equal(est.fit(X).transform(X), codes)
    assert est.alpha_ == math.inf
    est = AutoencoderTransformer(1, max_iter=2, warm_start=True, random_state=0).fit(curve)
    assert est.alpha_ == est.fit(noise(60, 3)).alpha_ == 0.005
    # A block says little of those to come.
    est = AutoencoderTransformer(random_state=0).partial_fit(X)
    assert est.alpha_ == est.partial_fit(curve[:, [0, 0, 1, 2]]).alpha_ == 0.005


@ignore_not_converged
def test_a_model_that_stayed_at_pca_learns_from_further_rows(curve):
    X, more = noise(60, 3), np.tile(curve, (4, 1)) + 0.01 * noise(800, 3)
    est = AutoencoderTransformer(1, max_iter=60, warm_start=True, random_state=0).fit(X)
    assert est.alpha_ == math.inf
    before, linear = error(est, more), error(PCA(1).fit(more), more)
    blocks = copy.deepcopy(est)
    assert est.fit(more).alpha_ == 0.005
    assert error(est, more) < 0.5 * linear < before
    for _ in range(30):
        blocks.partial_fit(more)
    assert blocks.alpha_ == 0.005
    assert error(blocks, more) < 0.5 * linear


class Drawing(Callback):
    """Notes the state of torch's generator when training begins."""

    def on_train_begin(self, net, **kwargs):
        self.state_ = torch.get_rng_state()


@ignore_not_converged
def test_trials_draw_no_random_numbers_of_the_training(curve):
    fits = [
        AutoencoderTransformer(alpha=alpha, max_iter=2, callbacks=[Drawing()], random_state=0).fit(
            curve
        )
        for alpha in ("auto", 0.005)
    ]
    states = [dict(est.net_.callbacks_)["Drawing"].state_ for est in fits]
    assert torch.equal(*states)


def test_sparse_and_single_precision_rows_are_tried(curve):
    from scipy.sparse import csr_matrix

    for X in (csr_matrix(curve), curve.astype(np.float32)):
        assert pays(trial(), Rows(X))


def test_scores_of_held_out_rows_are_those_of_the_model_that_stays():
    X = noise(100, 6)
    est = AutoencoderTransformer(early_stopping=True, random_state=0).fit(X)
    assert est.alpha_ == math.inf
    seed = np.random.RandomState(0).randint(2**31 - 1)
    _, held_out = est._split(X, None, seed)
    assert est.best_validation_score_ == pytest.approx(-error(est, X[held_out.index]), rel=1e-5)


class Adding(Callback):
    """Adds a callback that counts batches after the first epoch."""

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 1:
            net.callbacks_.append(("counting", Counting()))


class Counting(Callback):
    """Counts batches."""

    n_batches_ = 0

    def on_batch_end(self, net, training=False, **kwargs):
        self.n_batches_ += training


@ignore_not_converged
def test_callbacks_added_in_training_see_the_batches_of_further_epochs():
    params = {"alpha": 0.1, "batch_size": 25, "max_iter": 5, "callbacks": [Adding()]}
    est = AutoencoderTransformer(**params, random_state=0).fit(noise(100, 6))
    assert dict(est.net_.callbacks_)["counting"].n_batches_ == 4 * 4
