"""The course of training: stopping, interrupting, resuming, showing."""

import copy
import pickle
import signal
import warnings
from contextlib import nullcontext

import cloudpickle
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import (
    BatchScoring,
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    EpochTimer,
    Freezer,
    Initializer,
    LRScheduler,
    PrintLog,
    ProgressBar,
)
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from skae import AutoencoderTransformer, VariationalAutoencoderTransformer

ignore_not_converged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def always(net, X, y):
    return 1.5


def is_first_epoch(net):
    return len(net.history) == 1


class CtrlC(Callback):
    """What the terminal does on Ctrl-C, in a given batch."""

    def __init__(self, batch):
        self.batch = batch

    def on_batch_end(self, net, training=False, **kwargs):
        self.seen_ = getattr(self, "seen_", 0) + 1
        if self.seen_ == self.batch:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("load", ["load_iris", "load_wine"])
def test_defaults_converge_without_a_warning(load):
    import sklearn.datasets

    X = getattr(sklearn.datasets, load)().data
    AutoencoderTransformer(random_state=0).fit(X)  # warnings are errors
    est = AutoencoderTransformer(alpha=0.01, random_state=0).fit(X)
    objectives = est.net_.history[:, "objective"]
    assert est.loss_ == est.loss_curve_[np.argmin(objectives)]


def test_not_converged_warns(digits, quick):
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(4\) reached"):
        est = quick().fit(digits)
    assert est.n_iter_ == len(est.loss_curve_) == 4


@pytest.mark.parametrize(("fall", "is_told"), [(0.05, True), (0.0, False)])
def test_noise_of_the_last_epochs_is_no_progress(fall, is_told, digits, quick):
    """Of noise of 0.1 the last of 11 epochs may lie far below the first."""
    losses = 1 - fall * np.arange(11) + 0.1 * np.array([2, 0, 1, -1, 0, 1, -1, 0, 1, 0, -1])

    class Noisy(Callback):
        def on_epoch_end(self, net, **kwargs):
            net.epoch["train_loss"] = losses[len(net.history) - 1]

    options = {"callbacks": [Noisy()], "max_iter": 11, "n_iter_no_change": 10, "tol": 0.1}
    expected = pytest.warns(ConvergenceWarning, match="converged") if is_told else nullcontext()
    with expected:
        quick(**options).fit(digits)


@pytest.fixture
def listen_to_ctrl_c():
    """Background jobs inherit a SIGINT that is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_ends_a_loop_of_partial_fits(digits, quick, listen_to_ctrl_c):
    est = quick(callbacks=[CtrlC(1)])
    with pytest.raises(KeyboardInterrupt):
        est.partial_fit(digits)
    assert est.n_iter_ == 1
    assert est.transform(digits).shape == (300, 2)


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_ctrl_c_leaves_a_usable_estimator(batch, digits, quick, listen_to_ctrl_c):
    """Two batches an epoch: in the first batch, the first epoch, and later."""
    est = quick(callbacks=[CtrlC(batch)], max_iter=50, batch_size=150)
    with pytest.warns(ConvergenceWarning, match="Training interrupted by user in epoch"):
        est.fit(digits)
    assert est.n_iter_ == (batch + 1) // 2
    assert np.isfinite(est.loss_)
    assert est.transform(digits).shape == (300, 2)
    assert est.sample(3).shape == (3, 64)
    assert np.isfinite(est.score(digits))


def test_skorch_stopping_rule_is_not_a_ctrl_c(digits, quick):
    rule = EarlyStopping("train_loss", patience=2, threshold=1e9, threshold_mode="abs")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        est = quick(callbacks=[rule], max_iter=50, tol=0).fit(digits)
    assert est.n_iter_ == 3


@ignore_not_converged
def test_skorch_callbacks_are_cloned_and_kept(digits, quick):
    scoring = EpochScoring(always, name="mine", on_train=True)
    est = quick(callbacks=[("named", scoring)]).fit(digits)
    assert est.net_.history[:, "mine"] == [1.5] * 4
    assert not hasattr(scoring, "best_score_")
    assert dict(est.net_.callbacks_)["named"].best_score_ == 1.5


@ignore_not_converged
@pytest.mark.parametrize(
    "callback",
    [
        BatchScoring(always, name="mine"),
        EpochScoring(always, name="mine"),
        EpochTimer(),
        EpochTimer,
        Freezer("encoder.linear.*"),
        LRScheduler("ReduceLROnPlateau", monitor="train_loss"),
        PrintLog(sink=str),
        ProgressBar(),
    ],
    ids=lambda callback: getattr(callback, "__name__", type(callback).__name__),
)
def test_skorch_callbacks_work(callback, digits, quick):
    est = quick(callbacks=[callback], early_stopping=True).fit(digits)
    assert est.n_iter_ == 4


def decoded(net, X, y):
    return float(np.abs(net.predict(X)).mean())


class Pickled(Callback):
    """What training begins with, after a pickle."""

    def on_train_begin(self, net, **kwargs):
        self.net_ = pickle.loads(pickle.dumps(net))


@ignore_not_converged
@pytest.mark.parametrize("cls", [AutoencoderTransformer, VariationalAutoencoderTransformer])
@pytest.mark.parametrize("use_caching", [True, False])
def test_callbacks_may_predict(cls, use_caching, digits):
    scoring = EpochScoring(decoded, use_caching=use_caching)
    options = {"hidden_layer_sizes": 4, "max_iter": 3, "alpha": 0, "random_state": 0}
    est = cls(**options, early_stopping=True, callbacks=[scoring])
    scores = est.fit(digits).net_.history[:, "decoded"]
    assert len(scores) == 3
    assert np.all(np.isfinite(scores))


class RowsSeen(Callback):
    """The rows of every epoch."""

    def on_epoch_begin(self, net, **kwargs):
        self.rows_ = []

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        rows, _ = batch
        self.rows_.append(rows.clone())


@ignore_not_converged
@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
@pytest.mark.parametrize("cls", [AutoencoderTransformer, VariationalAutoencoderTransformer])
def test_callbacks_see_rows_that_training_does_without(cls, likelihood, digits, monkeypatch):
    """Rows standardized once stand for them, where nobody looks at batches."""
    monkeypatch.setattr("skae._core.batches.MAX_GATHERED", 0)
    X = digits / 16
    options = {"likelihood": likelihood, "hidden_layer_sizes": 4, "max_iter": 3, "alpha": 0.01}
    options |= {"batch_size": 40, "random_state": 0}
    alone = cls(**options).fit(X)
    seen = cls(**options, callbacks=[("seen", RowsSeen())]).fit(X)
    rows = torch.cat(dict(seen.net_.callbacks_)["seen"].rows_).numpy()
    np.testing.assert_array_equal(np.sort(rows, axis=0), np.sort(X, axis=0))
    np.testing.assert_allclose(alone.transform(X), seen.transform(X), rtol=1e-6, atol=1e-8)


@ignore_not_converged
@pytest.mark.parametrize("cls", [AutoencoderTransformer, VariationalAutoencoderTransformer])
def test_callbacks_may_save_what_training_begins_with(cls, digits):
    options = {"hidden_layer_sizes": 4, "max_iter": 2, "alpha": 0, "random_state": 0}
    est = cls(**options, callbacks=[("saved", Pickled())]).fit(digits)
    start = dict(est.net_.callbacks_)["saved"].net_
    assert [name for name, _ in start.callbacks_] == ["saved"]
    assert (len(start.history), len(est.net_.history)) == (0, 2)
    assert start.module_.state_dict().keys() == est.net_.module_.state_dict().keys()


@ignore_not_converged
def test_checkpoint_has_the_last_word_on_the_weights(digits, quick, tmp_path):
    """It keeps the first epoch; the weights of the best epoch would be the last one's."""
    first = Checkpoint(monitor=is_first_epoch, load_best=True, dirname=tmp_path)
    est = quick(callbacks=[first]).fit(digits)
    free = quick().fit(digits)
    assert not np.array_equal(est.transform(digits), free.transform(digits))


@ignore_not_converged
def test_net_keeps_no_data(digits, quick):
    est = quick(max_iter=30, early_stopping=True).fit(np.tile(digits, (10, 1)))
    assert len(pickle.dumps(est)) < 150_000


@ignore_not_converged
def test_warm_start_goes_on(digits, quick):
    est = quick(warm_start=True, max_iter=10).fit(digits)
    first = list(est.loss_curve_)
    est.fit(digits)
    assert est.n_iter_ == 20
    assert est.loss_curve_[:10] == first
    # The second run starts where the first ended, far below where the first began.
    assert abs(est.loss_curve_[10] - first[-1]) < 0.2 * abs(first[0] - first[-1])
    cold = quick(max_iter=10).fit(digits)
    cold.fit(digits)
    assert cold.n_iter_ == 10


@ignore_not_converged
def test_warm_start_takes_new_settings_and_other_precision(digits, quick):
    est = quick(warm_start=True).fit(digits)
    Z = est.transform(digits)
    est.set_params(learning_rate_init=1e-9).fit(digits.astype(np.float32))
    np.testing.assert_allclose(est.transform(digits), Z, atol=1e-4)


@ignore_not_converged
@pytest.mark.parametrize(
    "change",
    [{"alpha": 100.0}, {"noise": 1.0}, {"latent_penalty": "l2", "latent_alpha": 1.0},
     {"shuffle": False}, {"batch_size": 30}, {"learning_rate_init": 0.1}],
    ids=str,
)  # fmt: skip
def test_resumed_training_takes_new_settings(change, digits, quick):
    codes = []
    for settings in ({}, change):
        est = quick(warm_start=True).fit(digits)
        est.set_params(**settings).fit(digits)
        codes.append(est.transform(digits))
    assert np.abs(codes[0] - codes[1]).max() > 1e-6


@ignore_not_converged
@pytest.mark.parametrize(
    "change",
    [{"n_components": 3}, {"likelihood": "laplace"}, {"hidden_layer_sizes": (16, 8)},
     {"decoder_hidden_layer_sizes": 8}, {"activation": "tanh"}, {"solver": "sgd"},
     {"encoder": nn.Linear(64, 2)}, {"decoder": nn.Linear}],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_resumed_training_refuses_what_networks_cannot_change(change, digits, quick):
    (name,) = change
    est = quick(warm_start=True).fit(digits)
    Z, scores = est.transform(digits), est.score_samples(digits)
    est.set_params(**change)
    for method in (est.fit, est.partial_fit):
        with pytest.raises(ValueError, match=f"cannot go on with another {name}. Expected {name}="):
            method(digits)
    np.testing.assert_array_equal(est.transform(digits), Z)
    np.testing.assert_array_equal(est.score_samples(digits), scores)


@ignore_not_converged
def test_schedule_of_skorch_leaves_nothing_to_a_resumed_run(digits, quick):
    """torch's schedulers leave their first step size in the optimizer, and would start at it."""
    policy = torch.optim.lr_scheduler.LambdaLR
    schedule = LRScheduler(policy=policy, lr_lambda=lambda epoch: 1.0)
    est = quick(warm_start=True, callbacks=[schedule], learning_rate_init=0.1).fit(digits)
    Z = est.transform(digits)
    est.set_params(learning_rate_init=1e-9).fit(digits)
    np.testing.assert_allclose(est.transform(digits), Z, atol=1e-4)


class StopBySignal(Callback):
    """skorch's way to stop, from a callback of the user's."""

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 2:
            raise KeyboardInterrupt


def test_own_callback_can_stop_training(digits, quick, recwarn):
    est = quick(max_iter=50, callbacks=[StopBySignal()]).fit(digits)
    assert est.n_iter_ == 2
    assert not recwarn.list


@ignore_not_converged
def test_partial_fit_learns(digits, quick):
    est = quick(learning_rate_init=0.01)
    for epoch in range(30):
        est.partial_fit(digits)
        assert est.n_iter_ == epoch + 1
    assert est.loss_curve_[-1] < 0.9 * est.loss_curve_[0]
    assert est.sample(2).shape == (2, 64)


@ignore_not_converged
def test_partial_fit_goes_on_after_fit_at_the_full_step_size(digits, quick):
    est = quick(max_iter=20).fit(digits)
    before = est.transform(digits)
    est.partial_fit(digits)
    assert np.abs(est.transform(digits) - before).max() > 1e-3
    assert est.n_iter_ == 21


@ignore_not_converged
def test_partial_fit_does_not_replay_its_permutations(digits, quick, monkeypatch):
    from skae._core import batches

    orders, taken = [], batches.taken
    monkeypatch.setattr(batches, "taken", lambda x, i, *to: (orders.append(i), taken(x, i, *to))[1])
    est = quick(batch_size=100)
    for _ in range(2):
        est.partial_fit(digits)
    first, second = (order for order in orders if isinstance(order, np.ndarray))
    assert not np.array_equal(first, second)
    assert sorted(first) == sorted(second) == list(range(300))


class Snapshots(Callback):
    """Trimmed copies of the net after every epoch, and what its weights were."""

    def on_train_begin(self, net, **kwargs):
        self.nets, self.states = [], []

    def on_epoch_end(self, net, **kwargs):
        self.nets.append(net.snapshot())
        self.states.append(copy.deepcopy(net.module_.state_dict()))


@ignore_not_converged
@pytest.mark.parametrize("many", [64, 65])
def test_snapshots_are_as_nets_after_training(digits, quick, many, monkeypatch):
    """Further training leaves them alone; weights lie row by row, which in training not all do."""
    monkeypatch.setattr("skae._core.fused.MANY_OUTPUTS", many)
    est = quick(callbacks=[Snapshots()]).fit(digits)
    ((_, snapshots),) = est.net_.callbacks_
    assert len(snapshots.nets) == 4
    for net, state in zip(snapshots.nets, snapshots.states, strict=True):
        for name, values in net.module_.state_dict().items():
            torch.testing.assert_close(values, state[name].to(values.dtype), rtol=0, atol=0)
    for net in (*snapshots.nets, est.net_):
        assert all(p.is_contiguous() for p in net.module_.parameters())


@ignore_not_converged
def test_resuming_after_pickle_is_resuming(digits, quick):
    est = quick().fit(digits)
    twin = pickle.loads(pickle.dumps(est))
    for model in (est, twin):
        model.partial_fit(digits)
    np.testing.assert_array_equal(est.transform(digits), twin.transform(digits))


@ignore_not_converged
def test_progress_bar(digits, quick, capsys):
    quick(verbose=1).fit(digits)
    shown = capsys.readouterr().err
    assert "4/4" in shown
    assert "train_loss=" in shown
    assert "epoch/s" in shown
    quick(verbose=0).fit(digits)
    assert capsys.readouterr() == ("", "")


@ignore_not_converged
def test_own_modules_are_copied_and_keep_their_start(digits, quick):
    encoder, decoder = nn.Linear(64, 2), nn.Linear(2, 64)
    weight = encoder.weight.detach().clone()
    est = quick(encoder=encoder, decoder=decoder, learning_rate_init=1e-12).fit(digits)
    assert (encoder.weight == weight).all()
    assert encoder.training
    np.testing.assert_allclose(est.encoder_.weight.detach(), weight, atol=1e-6)
    expected = digits @ weight.double().numpy().T + encoder.bias.detach().numpy()
    np.testing.assert_allclose(est.transform(digits), expected, atol=1e-5)
    assert est.get_params()["encoder"] is encoder


@ignore_not_converged
def test_fitted_modules_can_be_passed_on(digits, quick):
    est = quick().fit(digits)
    heir = quick(encoder=est.encoder_, decoder=est.decoder_, learning_rate_init=1e-12).fit(digits)
    np.testing.assert_allclose(heir.transform(digits), est.transform(digits), atol=1e-6)
    assert heir.loss_ == pytest.approx(est.loss_, rel=0.2)


@ignore_not_converged
def test_own_modules_may_share_weights(digits, quick):
    class Tied(nn.Module):
        def __init__(self, linear):
            super().__init__()
            self.linear = linear

        def forward(self, z):
            return z @ self.linear.weight

    encoder = nn.Linear(64, 2)
    est = quick(encoder=encoder, decoder=Tied(encoder), max_iter=10).fit(digits)
    assert est.decoder_.linear is est.encoder_
    twin = clone(est).fit(digits)
    assert twin.decoder_.linear is twin.encoder_
    np.testing.assert_array_equal(twin.transform(digits), est.transform(digits))


@ignore_not_converged
def test_modules_that_pickle_cannot_name_train_on(digits, quick):
    """Classes of functions and notebooks, and parametrized layers."""

    class Local(nn.Linear):
        pass

    for encoder in (Local, lambda *widths: spectral_norm(nn.Linear(*widths))):
        est = quick(encoder=encoder).fit(digits)
        Z = est.transform(digits)
        twin = copy.deepcopy(est)
        est.partial_fit(digits)
        assert np.abs(est.transform(digits) - Z).max() > 1e-6
        np.testing.assert_array_equal(twin.transform(digits), Z)
    loaded = pickle.loads(cloudpickle.dumps(quick(encoder=Local).fit(digits)))
    assert loaded.transform(digits).shape == (300, 2)


@ignore_not_converged
def test_warm_start_holds_out_the_same_rows(digits, quick, monkeypatch):
    held_out = []
    split = AutoencoderTransformer._split

    def spy(self, *args):
        rows, valid = split(self, *args)
        held_out.append(valid.subset)
        return rows, valid

    monkeypatch.setattr(AutoencoderTransformer, "_split", spy)
    est = quick(warm_start=True, early_stopping=True).fit(digits)
    est.fit(digits)
    np.testing.assert_array_equal(*held_out)
    assert len(est.validation_scores_) == est.n_iter_ == 8


@ignore_not_converged
def test_validation_score_is_a_weighted_mean(digits, quick, monkeypatch):
    """Few rows carry nearly all of the weight; the score must be theirs, without penalty."""
    weights = np.where(np.arange(300) % 20 == 0, 1000.0, 1.0)
    held_out = []
    split = AutoencoderTransformer._split
    monkeypatch.setattr(
        AutoencoderTransformer,
        "_split",
        lambda self, *args: (held_out.append(split(self, *args)), held_out[-1])[1],
    )
    est = quick(
        early_stopping=True, validation_fraction=0.3, latent_penalty="l2", latent_alpha=1.0
    ).fit(digits, sample_weight=weights)
    rows = held_out[0][1].subset
    X_hat = est.inverse_transform(est.transform(digits[rows]))
    errors = np.square(digits[rows] - X_hat).mean(axis=1)
    expected = np.average(errors, weights=weights[rows])
    assert -est.best_validation_score_ == pytest.approx(expected)


@ignore_not_converged
def test_dropout_and_batch_norm_train_and_rest(digits, quick):
    def encoder(n_in, n_out):
        return nn.Sequential(
            nn.Linear(n_in, 16),
            nn.BatchNorm1d(16),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Linear(16, n_out),
        )

    est = quick(encoder=encoder, batch_size=299).fit(digits)
    assert est.encoder_[1].num_batches_tracked > 0
    np.testing.assert_array_equal(est.transform(digits), est.transform(digits))
    np.testing.assert_allclose(est.transform(digits)[:1], est.transform(digits[:1]), rtol=1e-10)


@ignore_not_converged
def test_networks_rest_whatever_they_were_left_in(digits, quick):
    def noisy(n_in, n_out):
        return nn.Sequential(nn.Linear(n_in, n_out), nn.Dropout(0.5))

    est = quick(encoder=noisy, decoder=noisy).fit(digits)
    Z = est.transform(digits)
    X_hat = est.inverse_transform(Z)
    for part in (est.net_.module_, est.encoder_, est.decoder_, est.encoder_[1], est.decoder_[1]):
        part.train()
        np.testing.assert_array_equal(est.transform(digits), Z)
        np.testing.assert_array_equal(est.inverse_transform(Z), X_hat)


@ignore_not_converged
@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_public_networks_follow_those_of_the_net(likelihood, digits, quick):
    est = quick(likelihood=likelihood).fit(digits)
    twin = copy.deepcopy(est)
    Z = est.transform(digits)
    X_hat = est.inverse_transform(Z)
    for name in ("encoder", "decoder"):
        own = getattr(twin.net_.module_, name)
        with torch.no_grad():
            own.linear.weight.zero_()
        setattr(est.net_.module_, name, own)
    assert np.abs(est.transform(digits) - Z).max() > 0.1
    assert np.abs(est.inverse_transform(Z) - X_hat).max() > 0.1
    np.testing.assert_array_equal(est.transform(digits), twin.transform(digits))
    np.testing.assert_array_equal(est.inverse_transform(Z), twin.inverse_transform(Z))


@ignore_not_converged
def test_decoder_ending_in_a_sigmoid_works_on_the_unit_interval(digits, quick):
    def decoder(n_in, n_out):
        return nn.Sequential(nn.Linear(n_in, 32), nn.ReLU(), nn.Linear(32, n_out), nn.Sigmoid())

    est = quick(decoder=decoder, max_iter=60, learning_rate_init=0.01).fit(digits)
    assert est.loss_ < 0.8 * digits.var(axis=0).mean()


class StepSizes(Callback):
    """Notes the step size of every batch."""

    def on_batch_end(self, net, training=False, **kwargs):
        self.seen_ = [*getattr(self, "seen_", []), net.optimizer_.param_groups[0]["lr"]]


def step_sizes(est):
    return np.array(dict(est.net_.callbacks_)["StepSizes"].seen_)


def test_plateau_brings_the_step_size_down_before_training_ends(digits, quick):
    settings = {"max_iter": 200, "tol": 1e9, "n_iter_no_change": 5, "batch_size": 100}
    est = quick(callbacks=[StepSizes()], **settings).fit(digits)
    sizes = step_sizes(est)
    assert est.n_iter_ < 60
    assert sizes.max() == pytest.approx(0.01, rel=0.05)
    assert sizes[-1] < 0.01 * sizes.max()


def test_epochs_of_the_warm_up_do_not_count(digits, quick):
    est = quick(max_iter=100, tol=1e9, n_iter_no_change=1).fit(digits)
    assert est.n_iter_ > 10


@ignore_not_converged
def test_partial_fit_keeps_the_step_size(digits, quick):
    est = quick(callbacks=[StepSizes()], batch_size=30, learning_rate_init=0.01)
    np.testing.assert_array_equal(step_sizes(est.partial_fit(digits)), 0.01)
    np.testing.assert_array_equal(step_sizes(est.fit(digits).partial_fit(digits)), 0.01)


@ignore_not_converged
def test_gradients_are_clipped(digits, quick):
    """One step of gradient descent with Nesterov's momentum is at most 1.9 step sizes long."""

    class Steep(nn.Linear):
        def __init__(self, n_in, n_out):
            super().__init__(n_in, n_out)
            with torch.no_grad():
                self.weight.mul_(1000)

    before = []
    est = quick(encoder=Steep, decoder=Steep, solver="sgd", alpha=0, max_iter=1, batch_size=300)
    est.set_params(callbacks=[StepSizes(), Initializer("*", before_training(before))])
    est.fit(digits)
    after = torch.cat([p.detach().ravel() for p in est.net_.module_.parameters()])
    distance = float((after - torch.cat(before)).norm())
    assert distance == pytest.approx(1.9 * step_sizes(est)[0], rel=1e-6)


def before_training(parameters):
    """Initializer that changes nothing, and notes the parameters in order."""
    return lambda p: parameters.append(p.detach().clone().ravel())


@ignore_not_converged
def test_weights_of_the_smallest_loss_are_kept_without_early_stopping(digits, quick):
    """The step size explodes at the end: the last epochs are worse than the ones before."""
    schedule = LRScheduler("LambdaLR", lr_lambda=explode_after_ten)
    options = {"solver": "sgd", "alpha": 0, "noise": 0.0}
    est = quick(callbacks=[schedule], max_iter=13, **options).fit(digits)
    assert est.loss_curve_[-1] > 1.5 * min(est.loss_curve_)
    assert est.loss_ == min(est.loss_curve_)
    X_hat = est.inverse_transform(est.transform(digits))
    assert np.square(digits - X_hat).mean() < 1.2 * est.loss_


def explode_after_ten(epoch):
    return 1 if epoch < 10 else 1e5


def test_solved_problem_stays_solved():
    """At the solution of PCA the gradient is rounding, of which Adam must not make steps."""
    from sklearn.datasets import load_wine
    from sklearn.decomposition import PCA

    X = load_wine().data
    est = AutoencoderTransformer(5, hidden_layer_sizes=(), alpha=0, random_state=0).fit(X)
    pca = PCA(5).fit(X)
    errors = [
        np.square(X - model.inverse_transform(model.transform(X))).mean() for model in (est, pca)
    ]
    assert errors[0] == pytest.approx(errors[1], rel=1e-6)


@ignore_not_converged
def test_biases_do_not_decay(digits, quick):
    """A decoder fed with nothing: its bias alone is trained, and decay must not pull at it."""

    class Mean(nn.Linear):
        def forward(self, z):
            return super().forward(0 * z)

    est = quick(decoder=Mean, alpha=30.0, max_iter=300, learning_rate_init=0.01).fit(digits)
    np.testing.assert_allclose(
        est.inverse_transform([[0.0, 0.0]])[0], digits.mean(axis=0), atol=0.05
    )


@ignore_not_converged
def test_more_components_than_the_data_have_dimensions(digits, quick):
    """The start is exact, and codes do not depend on axes along which nothing varies."""
    X = np.array(digits[:40, :3])
    est = quick(n_components=6, max_iter=2, alpha=0).fit(X)
    np.testing.assert_allclose(est.inverse_transform(est.transform(X)), X, atol=1e-4)
    weights = np.repeat([1.0, 0.0], 20)  # 20 rows of 10 dimensions
    wide = np.array(digits[:40, 2:40])
    weighted = quick(n_components=30).fit(wide, sample_weight=weights).transform(wide)
    subset = quick(n_components=30).fit(wide[:20]).transform(wide)
    np.testing.assert_allclose(weighted, subset, rtol=1e-6, atol=1e-8)


class Precisions(Callback):
    """Notes in which precision training computes."""

    def on_batch_begin(self, net, training=False, **kwargs):
        self.seen_ = {p.dtype for p in net.module_.parameters()}


def precision_in_training(est):
    (dtype,) = dict(est.net_.callbacks_)["Precisions"].seen_
    return dtype


@ignore_not_converged
@pytest.mark.parametrize(
    ("cls", "noise"), [(AutoencoderTransformer, 1e-3), (VariationalAutoencoderTransformer, 1e-2)]
)
def test_batches_are_computed_in_single_precision(cls, noise, digits):
    """The noise of batches is far above rounding; what came of them has the precision of X.

    Draws from posteriors belong to the bits of the rows: they differ by the precision of X.
    """
    params = {"hidden_layer_sizes": 16, "max_iter": 3, "callbacks": [Precisions()]}
    est = cls(**params, batch_size=100, warm_start=True, random_state=0).fit(digits)
    assert precision_in_training(est) == torch.float32
    for _ in range(2):
        for parameter in est.net_.module_.parameters():
            state = est.net_.optimizer_.state[parameter]
            tensors = [parameter, state["exp_avg"], state["exp_avg_sq"]]
            assert [tensor.dtype for tensor in tensors] == 3 * [torch.float64]
        buffers = {buffer.dtype for buffer in est.net_.module_.buffers()}
        assert buffers == {torch.float64}
        assert est.transform(digits).dtype == est.sample(2).dtype == np.float64
        est.fit(digits)
    single = cls(**params, batch_size=100, random_state=0).fit(digits.astype(np.float32))
    double = cls(**params, batch_size=100, random_state=0).fit(digits)
    np.testing.assert_allclose(double.loss_curve_[0], single.loss_curve_[0], rtol=noise)


@ignore_not_converged
@pytest.mark.parametrize("params", [{"batch_size": 300}, {"encoder": nn.Linear}])
def test_steps_of_all_rows_and_own_modules_keep_the_precision_of_x(params, digits, quick):
    est = quick(callbacks=[Precisions()], **params).fit(digits)
    assert precision_in_training(est) == torch.float64


@ignore_not_converged
def test_single_precision_is_enough_far_off(digits, quick):
    """Rows are centred in the precision of X."""
    est, far = quick().fit(digits), quick().fit(digits + 1e8)
    np.testing.assert_allclose(far.loss_curve_, est.loss_curve_, rtol=1e-3)
    shifted = far.inverse_transform(far.transform(digits + 1e8)) - 1e8
    np.testing.assert_allclose(shifted, est.inverse_transform(est.transform(digits)), atol=1e-3)


@ignore_not_converged
def test_blocks_of_one_batch_and_of_several_train_one_estimator(digits, quick):
    est = quick()
    for block in (digits[:50], digits, digits[:50]):
        est.partial_fit(block)
    assert est.n_iter_ == 3
    assert {p.dtype for p in est.net_.module_.parameters()} == {torch.float64}
