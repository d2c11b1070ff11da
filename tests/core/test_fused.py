"""Analytic gradients against autograd, and steps on flat parameters against torch.optim's."""

import pickle
from functools import partial
from itertools import product

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from skae import AutoencoderTransformer, VariationalAutoencoderTransformer
from skae._core.batches import Rows
from skae._core.fused import AutogradPass, Backpropagation, PerceptronPass
from skae._core.likelihoods import LIKELIHOODS
from skae._core.modules import ACTIVATIONS
from skae._core.penalties import PENALTIES

RNG = np.random.RandomState(0)
X = RNG.uniform(size=(40, 7))
WEIGHTS = RNG.uniform(size=40)

PLAIN = [{}, *({"latent_penalty": name, "latent_alpha": 0.3} for name in PENALTIES)]
VARIATIONAL = [{}, {"beta": 3.0}, {"free_bits": 0.05}, {"free_bits": 0.5}]
KINDS = [
    *((AutoencoderTransformer, options) for options in PLAIN),
    *((VariationalAutoencoderTransformer, options) for options in VARIATIONAL),
]
CLASSES = [AutoencoderTransformer, VariationalAutoencoderTransformer]


def built(cls, weights=None, **params):
    """Module and objective of an untrained estimator, amid weights that nothing is special at."""
    est = cls(**{"hidden_layer_sizes": (6, 5), "noise": 0.0, "random_state": 0, **params})
    net = est._build_net(Rows(X, weights), torch.device("cpu"), 0)
    module, objective = net.module_.train(), est._objective(net.module_, Rows(X, weights), 0)
    module.noise = est.noise
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    if cls is VariationalAutoencoderTransformer:
        module.place(*torch.tensor([[0.3, -0.2], [1.3, 0.6]], dtype=torch.float64))
        objective.kl_share = 0.7
    return module, objective, net.optimizer_


def by_autograd(module, objective, batch):
    """Loss and gradients by name."""
    torch.manual_seed(1)
    loss = objective(module(batch[0]), batch[1], penalize=True)
    parameters = dict(module.named_parameters())
    return loss, dict(zip(parameters, torch.autograd.grad(loss, parameters.values()), strict=True))


def checked(cls, weights=None, **params):
    backpropagation = begun(cls, weights, **params)
    with torch.random.fork_rng():
        check_batch(backpropagation, Rows(X, weights)[:])
    return backpropagation


def begun(cls, weights=None, **params):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Backpropagation(*built(cls, weights, **params))


def check_batch(backpropagation, batch):
    """Loss and gradients of the batch are those of autograd."""
    module = backpropagation.module
    expected_loss, expected = by_autograd(module, backpropagation.objective, batch)
    torch.manual_seed(1)
    loss, _ = backpropagation(*batch)
    assert loss.item() == pytest.approx(expected_loss.item(), rel=1e-12, abs=1e-12)
    # `assert_close` for each of them would take longer than all else.
    close = partial(torch.allclose, rtol=1e-9, atol=1e-10)
    assert [n for n, p in module.named_parameters() if not close(p.grad, expected[n])] == []


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_are_those_of_autograd(activation, likelihood):
    params = {"activation": activation, "likelihood": likelihood}
    for (cls, options), sizes in product(KINDS, [(), (6,), (6, 5, 4)]):
        backpropagation = begun(cls, hidden_layer_sizes=sizes, **params, **options)
        for noise, weights in product([0.0, 0.3], [None, WEIGHTS]):
            with torch.random.fork_rng():
                backpropagation.module.noise = noise
                check_batch(backpropagation, Rows(X, weights)[:])


@pytest.mark.parametrize("sizes", [(), (6,), (6, 5, 4)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_gradients_where_the_linear_path_is_at_the_exit(cls, activation, sizes, monkeypatch):
    """Of an encoder, too, which has more outputs than inputs."""
    monkeypatch.setattr("skae._core.fused.MANY_OUTPUTS", 2)
    for n_components in (2, 8) if cls is AutoencoderTransformer else (2,):
        params = {"n_components": n_components, "activation": activation}
        backpropagation = checked(cls, WEIGHTS, hidden_layer_sizes=sizes, noise=0.3, **params)
        assert backpropagation.decoder.at_exit == (n_components < 7 and sizes != ())
        assert backpropagation.encoder.at_exit == (n_components > 7 and sizes != ())


@pytest.mark.parametrize("name", ["encoder", "decoder"])
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_own_modules_go_through_autograd_alone(cls, likelihood, name):
    backpropagation = checked(cls, WEIGHTS, likelihood=likelihood, **{name: nn.Linear})
    other = {"encoder": "decoder", "decoder": "encoder"}[name]
    assert isinstance(getattr(backpropagation, name), AutogradPass)
    assert isinstance(getattr(backpropagation, other), PerceptronPass)


@pytest.mark.parametrize("own", [{}, {"encoder": nn.Linear}, {"decoder": nn.Linear}], ids=str)
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_batches_may_differ_in_size(cls, own):
    """Larger ones take other memory, which smaller ones then find."""
    backpropagation = checked(cls, **own)
    for n in (10, 11, 40, 10):
        with torch.random.fork_rng():
            check_batch(backpropagation, Rows(X[:n], WEIGHTS[:n])[:])


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("free_bits", [0.0, 0.5])
def test_gradients_follow_the_axes_that_move_in_training(free_bits, library, monkeypatch):
    """By what is called on the CPU, and by what is called elsewhere."""
    if library == "torch":
        for part in ("bound", "posteriors"):
            monkeypatch.setattr(f"skae._core.{part}.array", lambda tensor: tensor)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        parts = built(VariationalAutoencoderTransformer, free_bits=free_bits)
        module, objective, _ = parts
        backpropagation, batch = Backpropagation(*parts), Rows(X)[:]
        for _ in range(2):
            torch.manual_seed(1)
            loss = backpropagation(*batch)[0].item()
            gradients = {name: p.grad.clone() for name, p in module.named_parameters()}
            expected_loss, expected = by_autograd(module, objective, batch)
            assert loss == pytest.approx(expected_loss.item(), rel=1e-12)
            torch.testing.assert_close(gradients, expected, rtol=1e-9, atol=1e-10)
            module.place(*torch.tensor([[-0.4, 0.1], [0.5, 2.0]], dtype=torch.float64))


def test_both_modules_own():
    checked(AutoencoderTransformer, encoder=nn.Linear, decoder=nn.Linear)


@pytest.mark.parametrize("kernel", [True, False])
@pytest.mark.parametrize("many", [1, 10**9])
@pytest.mark.parametrize("many_outputs", [7, 8])
@pytest.mark.parametrize("own", [{}, {"encoder": nn.Linear}])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_steps_are_those_of_the_optimizer(solver, own, many_outputs, many, kernel, monkeypatch):
    monkeypatch.setattr("skae._core.flat.MANY", many)
    monkeypatch.setattr("skae._core.fused.MANY_OUTPUTS", many_outputs)
    results = []
    for fused in (True, False):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            module, objective, optimizer = built(AutoencoderTransformer, solver=solver, **own)
        for group in optimizer.param_groups:
            group["weight_decay"] = 0.1 if group.get("part", "decoder") else 0.0
            group["fused"] = kernel
        backpropagation = Backpropagation(module, objective, optimizer) if fused else None
        for _ in range(5):
            if fused:
                backpropagation(*Rows(X)[:])
                backpropagation.parameters.step()
            else:
                optimizer.zero_grad()
                objective(module(Rows(X)[:][0]), None, penalize=True).backward()
                optimizer.step()
        if fused:
            backpropagation.parameters.release()
        states = [optimizer.state[p] for p in module.parameters()]
        results.append(([p.detach() for p in module.parameters()], states))
    (values, states), (expected, expected_states) = results
    torch.testing.assert_close(values, expected, rtol=1e-10, atol=1e-12)
    for state, expected_state in zip(states, expected_states, strict=True):
        for name, kept in expected_state.items():
            torch.testing.assert_close(state[name], kept, rtol=1e-10, atol=1e-12)
    kept = [tensor for state in states for tensor in state.values() if tensor is not None]
    assert all(tensor.is_contiguous() for tensor in values + kept)


def test_groups_may_have_step_sizes_of_their_own():
    module, objective, optimizer = built(AutoencoderTransformer)
    for group in optimizer.param_groups:
        group["lr"] = 0.1 if group.get("part", "decoder") else 0.0
    before = {name: p.detach().clone() for name, p in module.named_parameters()}
    backpropagation = Backpropagation(module, objective, optimizer)
    backpropagation(*Rows(X)[:])
    backpropagation.parameters.step()
    for name, parameter in module.named_parameters():
        decays = "layers" in name and name.endswith("weight")
        assert torch.equal(parameter, before[name]) != decays


class Hooked(Callback):
    """Listens in on the encoder, freezes the decoder, or changes gradients."""

    def __init__(self, what):
        self.what = what

    def on_train_begin(self, net, **kwargs):
        self.calls_ = 0
        self.start_ = [p.detach().clone() for p in net.module_.decoder.parameters()]
        if self.what == "listen":
            net.module_.encoder.register_forward_hook(self._count)
        if self.what == "freeze":
            net.module_.decoder.requires_grad_(False)

    def _count(self, *args):
        self.calls_ += 1

    def on_grad_computed(self, net, named_parameters, **kwargs):
        for name, parameter in named_parameters:
            if self.what == "replace" and name.startswith("decoder"):
                parameter.grad = torch.zeros_like(parameter)


def hooked_fit(what):
    est = AutoencoderTransformer(
        hidden_layer_sizes=6, max_iter=3, tol=0, alpha=0, random_state=0, callbacks=[Hooked(what)]
    )
    with pytest.warns(UserWarning, match="Maximum iterations"):
        est.fit(X)
    return est, dict(est.net_.callbacks_)["Hooked"]


@pytest.mark.parametrize("what", ["freeze", "replace"])
def test_callbacks_rule_over_gradients(what):
    est, callback = hooked_fit(what)
    for parameter, start in zip(
        est.net_.module_.decoder.parameters(), callback.start_, strict=True
    ):
        assert torch.equal(parameter, start)


class Kept(Callback):
    """Keeps what comes of batches, and pickles the net after every epoch."""

    def on_train_begin(self, net, **kwargs):
        self.losses_, self.predictions_, self.begun_ = [], [], 0

    def on_batch_begin(self, net, training, **kwargs):
        self.begun_ += training

    def on_batch_end(self, net, y_pred, loss, **kwargs):
        self.losses_.append(loss)
        self.predictions_.append(y_pred)

    def on_epoch_end(self, net, **kwargs):
        module = pickle.loads(pickle.dumps(net)).module_
        self.pickled_ = [p.detach() for p in module.parameters()]
        self.seen_ = [p.detach().clone() for p in net.module_.parameters()]
        self.recorded_ = net.history[:, "batches", :, "train_loss"]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_callbacks_may_keep_what_they_see(cls):
    params = {"batch_size": 15, "max_iter": 2, "callbacks": [Kept()], "alpha": 0.01}
    est = cls(hidden_layer_sizes=6, random_state=0, **params)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        est.fit(X)
    kept = dict(est.net_.callbacks_)["Kept"]
    assert kept.begun_ == len(kept.losses_) == 6
    assert [loss.item() for loss in kept.losses_] == np.ravel(kept.recorded_).tolist()
    assert len({output.numpy().tobytes() for _, output, *_ in kept.predictions_}) == 6
    seen = [*kept.losses_, *(part for prediction in kept.predictions_ for part in prediction)]
    assert all(torch.is_tensor(part) and part.is_contiguous() for part in seen)
    torch.testing.assert_close(kept.pickled_, kept.seen_, rtol=0, atol=0)


def test_weights_that_data_say_nothing_of_do_not_become_denormal():
    """Those of a constant feature decay; such numbers slow processors down."""
    data = np.hstack([X, np.zeros((len(X), 3))]).astype(np.float32)
    params = {"hidden_layer_sizes": 6, "batch_size": 4, "n_iter_no_change": np.inf}
    est = AutoencoderTransformer(**params, max_iter=300, alpha=1e-4, random_state=0)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        est.fit(data)
    state = est.net_.optimizer_.state
    for parameter in est.net_.module_.parameters():
        for values in (parameter.detach(), *state[parameter].values()):
            smallest = values[values != 0].abs().min()
            assert smallest >= torch.finfo(torch.float32).tiny


def test_hooks_of_modules_are_called():
    est, callback = hooked_fit("listen")
    assert callback.calls_ >= est.n_iter_


def test_parameters_have_memory_of_their_own_after_training(quick):
    wide = quick(hidden_layer_sizes=(200, 200), max_iter=100, tol=1.0).fit(X)
    numbers = sum(p.numel() for p in wide.net_.module_.parameters())
    for parameter in wide.net_.module_.parameters():
        assert parameter.untyped_storage().nbytes() == parameter.numel() * 8
        assert parameter.grad is None
    # Weights and two moments of each, in float64.
    assert len(pickle.dumps(wide)) < 3 * 8 * numbers * 1.2
