"""Networks, batches, moments, axes and the step size, each against its definition."""

import tracemalloc

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.decomposition import PCA
from torch import nn

from skae._core import principal
from skae._core.batches import Batches, Rows, center_and_scale
from skae._core.callbacks import warmup_cosine
from skae._core.likelihoods import LIKELIHOODS
from skae._core.modules import ACTIVATIONS, Autoencoder, Perceptron
from skae._core.net import Objective
from skae._core.principal import axes_of, noise_redundancy, principal_axes, sampled
from skae._core.seeding import limited_threads, work

X = np.random.RandomState(0).standard_normal((101, 6)) * np.arange(1, 7) + 3
WEIGHTS = np.random.RandomState(1).rand(101)
WEIGHTS /= WEIGHTS.mean()


@pytest.mark.parametrize("batch_size", [1, 7, 50, 100, 101, 1000])
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("at_once", [True, False])
def test_batches_cover_every_row_once(at_once, batch_size, shuffle, monkeypatch):
    monkeypatch.setattr("skae._core.batches.MAX_GATHERED", X.size if at_once else X.size - 1)
    rows = Rows(X, WEIGHTS)
    batches = list(Batches(rows, batch_size, shuffle))
    sizes = [len(block) for block, _ in batches]
    assert len(batches) == len(Batches(rows, batch_size)) == -(-101 // batch_size)
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1
    seen = np.vstack([block.numpy() for block, _ in batches])
    weights = np.hstack([block.numpy() for _, block in batches])
    order = np.argsort(seen[:, 0])
    np.testing.assert_array_equal(seen[order], X[np.argsort(X[:, 0])])
    np.testing.assert_allclose(weights[order], WEIGHTS[np.argsort(X[:, 0])])
    if not shuffle:
        np.testing.assert_array_equal(seen, X)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_batches_are_the_same_however_they_are_gathered(kind, weights, monkeypatch):
    batches = []
    for most in (X.size, 0):
        monkeypatch.setattr("skae._core.batches.MAX_GATHERED", most)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            batches.append(list(Batches(Rows(kind(X), weights), 20, shuffle=True)))
    torch.testing.assert_close(*batches, rtol=0, atol=0)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("subset", [None, np.arange(0, 101, 2)])
def test_small_tables_are_prepared_once(subset, at_once, shuffle, monkeypatch):
    """And what is made of rows goes with them."""
    monkeypatch.setattr("skae._core.batches.MAX_GATHERED", X.size if at_once else 0)
    seen, rows = [], Rows(X, None, subset)

    def prepare(x):
        seen.append(x)
        return 2 * x, None, x.sum(dim=1)

    batches = Batches(rows, 20, shuffle)
    batches.prepare = prepare
    for _ in range(2):
        for batch in batches:
            (x, weights), (double, nothing, sums) = batch, batch.prepared
            assert weights is None
            assert nothing is None
            torch.testing.assert_close((double, sums), (2 * x, x.sum(dim=1)), rtol=0, atol=0)
    assert [len(x) for x in seen] == [len(rows)]


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("at_once", [True, False])
def test_rows_that_nobody_asks_for_are_not_gathered(weights, at_once, monkeypatch):
    """In any epoch, whoever asked in others, and in the same order as if they were."""
    monkeypatch.setattr("skae._core.batches.MAX_GATHERED", X.size if at_once else 0)
    some, all_of_them = (Batches(Rows(X, weights), 20, shuffle=True) for _ in range(2))
    some.prepare = all_of_them.prepare = lambda x: (2 * x, None, x.sum(dim=1))
    for some.suffices in (True, True, False, True):
        epochs = []
        for batches in (some, all_of_them):
            with torch.random.fork_rng():
                epochs.append(iter(batches))
        for batch, expected in zip(*epochs, strict=True):  # each until the next is gathered
            x, of_rows = batch
            torch.testing.assert_close(batch.prepared, expected.prepared, rtol=0, atol=0)
            assert (x is batch.prepared[0]) == (some.suffices and weights is None)
            assert (of_rows is None) == (weights is None)
            assert some.suffices or torch.equal(x, expected[0])
        torch.randn(())  # another order next time


def test_large_tables_are_prepared_batch_by_batch(monkeypatch):
    monkeypatch.setattr("skae._core.batches.MAX_PREPARED", X.size - 1)
    batches = Batches(Rows(X), 20, shuffle=True)
    batches.prepare = lambda x: pytest.fail("not to be called")
    assert [batch.prepared for batch in batches] == [None] * 6


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array, np.asfortranarray])
def test_rows_of_a_subset(kind):
    subset = np.array([5, 3, 99])
    rows = Rows(kind(X), WEIGHTS, subset)
    block, weights = rows[np.array([2, 0])]
    np.testing.assert_array_equal(block, X[[99, 5]])
    np.testing.assert_allclose(weights, WEIGHTS[[99, 5]] / WEIGHTS[subset].mean())
    assert len(rows.subsample(2, 0)) == 2
    assert set(rows.subsample(2, 0).subset) < set(subset)
    assert rows.subsample(3, 0) is rows


def test_few_of_many_rows_are_drawn_without_memory_for_all():
    rows = Rows(np.broadcast_to(np.float32(0), (1_000_000, 1)))
    tracemalloc.start()
    chosen = rows.subsample(1000, 3).subset
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200_000  # a number of every row would take 8 000 000 bytes
    assert len(set(chosen)) == 1000
    assert (np.diff(chosen) > 0).all()
    assert abs(chosen.mean() / 500_000 - 1) < 0.1
    np.testing.assert_array_equal(rows.subsample(1000, 3).subset, chosen)
    assert not np.array_equal(rows.subsample(1000, 4).subset, chosen)


@pytest.mark.parametrize("subset", [None, np.array([5, 3, 99])])
def test_weights_of_rows(subset):
    """Known without the rows, which may be more than the memory holds."""
    rows = Rows(X, WEIGHTS, subset)
    rows.X = None
    used = WEIGHTS if subset is None else WEIGHTS[subset]
    np.testing.assert_allclose(rows.row_weights, used / used.mean())
    assert Rows(X, None, subset).row_weights is None


def test_rows_do_not_expose_read_only_memory():
    frozen = X.copy()
    frozen.flags.writeable = False
    block, _ = Rows(frozen)[0:5]
    block += 1  # must neither warn nor write through
    np.testing.assert_array_equal(frozen, X)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["equal", "weighted"])
def test_center_and_scale(kind, weights, monkeypatch):
    center, scale = center_and_scale(Rows(kind(X), weights))
    mean = np.average(X, axis=0, weights=weights)
    np.testing.assert_allclose(center, mean)
    variances = np.average((X - mean) ** 2, axis=0, weights=weights)
    assert float(scale) == pytest.approx(np.sqrt(variances.mean()))


@pytest.mark.parametrize(
    "weights", [None, np.tile([2.0, 0.5], 51)[:101]], ids=["equal", "weighted"]
)
@pytest.mark.parametrize("decomposition", ["covariance", "randomized"])
def test_principal_axes_are_those_of_pca(weights, decomposition, monkeypatch):
    if decomposition == "randomized":
        monkeypatch.setattr(principal, "MAX_COVARIANCE", 1)
    rows = Rows(X, weights if weights is None else weights / weights.mean())
    axes, variances, left = principal_axes(rows, *center_and_scale(rows), 3, seed=0)
    repeated = X if weights is None else np.repeat(X, (2 * weights).astype(int), axis=0)
    pca = PCA(3).fit(repeated)
    np.testing.assert_allclose(np.abs(np.sum(axes.numpy() * pca.components_, axis=1)), 1, rtol=1e-6)
    _, scale = center_and_scale(rows)
    expected = np.var(repeated @ pca.components_.T, axis=0) / float(scale) ** 2
    np.testing.assert_allclose(variances, expected)
    assert left == pytest.approx(1 - pca.explained_variance_ratio_.sum())


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [(), (5,), (7, 3)])
def test_gradients_of_the_whole_objective(activation, hidden):
    torch.manual_seed(0)
    encoder = Perceptron((6, *hidden, 2), activation).double()
    decoder = Perceptron((2, *hidden[::-1], 6), activation).double()
    x = torch.tensor(X[:4])
    center, scale = torch.tensor(X.mean(axis=0)), torch.tensor(2.0, dtype=torch.float64)
    module = Autoencoder(encoder, decoder, center, scale, nn.Identity())
    objective = Objective("gaussian", "l2", 0.1)
    weights = torch.tensor([0.5, 1.0, 2.0, 0.5], dtype=torch.float64)
    names, values = zip(*module.named_parameters(), strict=True)

    def loss(*values):
        parameters = dict(zip(names, values, strict=True))
        prediction = torch.func.functional_call(module, parameters, (x,))
        return objective(prediction, weights, penalize=True)

    keep = [v.detach().requires_grad_() for v in values]
    away_from_kinks = activation != "relu" or hidden == ()
    assert torch.autograd.gradcheck(loss, keep, atol=1e-4 if away_from_kinks else 1e-3)


FORMULAE = {
    "identity": lambda x: x,
    "logistic": lambda x: 1 / (1 + np.exp(-x)),
    "relu": lambda x: np.maximum(x, 0),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "tanh": np.tanh,
}


@pytest.mark.parametrize("activation", FORMULAE)
def test_perceptron_is_its_formula(activation):
    """A linear path beside ``W₂ φ(W₁ x + b₁) + b₂``."""
    assert set(FORMULAE) == set(ACTIVATIONS)
    torch.manual_seed(0)
    network = Perceptron((6, 4, 2), activation).double()
    parts = {name: p.detach().numpy() for name, p in network.named_parameters()}
    hidden = X @ parts["layers.0.weight"].T + parts["layers.0.bias"]
    expected = X @ parts["linear.weight"].T
    expected += FORMULAE[activation](hidden) @ parts["layers.2.weight"].T + parts["layers.2.bias"]
    with torch.no_grad():
        np.testing.assert_allclose(network(torch.tensor(X)), expected)


def test_perceptron_starts_near_the_map_given():
    torch.manual_seed(0)
    weight = torch.randn(2, 6)
    network = Perceptron((6, 16, 2), "silu")
    before = network.layers[-1].weight.detach().clone()
    network.start_at(weight)
    x = torch.randn(50, 6)
    with torch.no_grad():
        error = network(x) - x @ weight.T
        torch.testing.assert_close(network(torch.zeros(1, 6)), torch.zeros(1, 2))
    assert 0 < error.square().mean() < 0.01 * (x @ weight.T).square().mean()
    assert (network.layers[-1].weight.abs() < before.abs()).all()


def test_denoising_corrupts_the_input_but_not_the_target():
    torch.manual_seed(0)
    x = torch.tensor(X)
    center, scale = x.mean(dim=0), torch.tensor(2.0, dtype=torch.float64)
    module = Autoencoder(nn.Identity(), nn.Identity(), center, scale, nn.Identity())
    module.noise = 0.5
    codes, _, target = module(x)
    torch.testing.assert_close(target, (x - center) / 2)
    assert float((codes - target).std()) == pytest.approx(0.5, rel=0.1)
    torch.testing.assert_close(module.eval()(x)[0], target)


def test_noise_is_in_units_of_x_for_own_encoders():
    torch.manual_seed(0)
    x = torch.tensor(X)
    center, scale = x.mean(dim=0), torch.tensor(2.0, dtype=torch.float64)
    link = nn.Identity()
    module = Autoencoder(nn.Identity(), nn.Identity(), center, scale, link, own_encoder=True)
    module.noise = 0.5
    codes, _, _ = module(x)
    assert float((codes - x).std()) == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize("own_encoder", [True, False])
@pytest.mark.parametrize("own_decoder", [True, False])
def test_own_networks_speak_the_units_of_x(own_encoder, own_decoder):
    """Identity networks: in units of X where they are the user's, standardized elsewhere."""
    x = torch.tensor(X)
    center, scale = x.mean(dim=0), torch.tensor(2.0, dtype=torch.float64)
    standard = (x - center) / 2
    module = Autoencoder(
        nn.Identity(), nn.Identity(), center, scale, nn.Identity(), own_encoder, own_decoder
    )
    codes, output, target = module.eval()(x)
    torch.testing.assert_close(target, standard)
    torch.testing.assert_close(codes, x if own_encoder else standard)
    torch.testing.assert_close(module.public_encoder()(x), codes)
    torch.testing.assert_close((module.public_decoder()(codes) - center) / 2, output)


def test_step_size_rises_and_falls():
    factors = np.array([warmup_cosine(progress) for progress in np.linspace(0, 1, 1001)])
    peak = factors.argmax()
    assert 50 <= peak <= 100
    assert (np.diff(factors[:peak]) > 0).all()
    assert (np.diff(factors[peak:]) < 0).all()
    assert factors[-1] < 1e-5
    assert factors.max() == pytest.approx(1, abs=0.05)
    assert warmup_cosine(0.5) == pytest.approx(0.5)  # the factor of a single step


def test_threads_are_limited_for_small_steps_only():
    torch.set_num_threads(2)
    module = nn.Linear(100, 100)
    for batch_size, expected in ((10, 1), (10**6, 2)):
        with limited_threads(work(module, batch_size)):
            assert torch.get_num_threads() == expected
        assert torch.get_num_threads() == 2
    with pytest.raises(RuntimeError), limited_threads(0):
        raise RuntimeError
    assert torch.get_num_threads() == 2


def redundancy(X, n_components, weights=None):
    rows = Rows(X, weights)
    place = center_and_scale(rows)
    sample = sampled(rows, *place, n_components, 0)
    axes = axes_of(sample, n_components)
    return noise_redundancy(sample, *axes, n_components, LIKELIHOODS["gaussian"], *place)


def rotated(spectrum, n_samples=500):
    """Rows whose sample covariance has exactly these eigenvalues, in no special direction."""
    rng = np.random.RandomState(0)
    Z = rng.standard_normal((n_samples, len(spectrum)))
    Z = np.linalg.qr(Z - Z.mean(axis=0))[0] * np.sqrt(n_samples)
    return Z * np.sqrt(spectrum) @ np.linalg.qr(rng.standard_normal((len(spectrum),) * 2))[0]


@pytest.mark.parametrize(
    ("spectrum", "expected"),
    [
        ([9, 5, 0.5, 0.5, 0.5, 0.5], 1),  # independent noise of equal variance
        ([9, 5, 4, 3, 2, 1], 4 * 30 / 100),
        ([9, 5, 4, 0, 0, 0], 4),  # the same noise in four features
        ([9, 5, 0, 0, 0, 0], 1),  # no noise
    ],
)
@pytest.mark.parametrize("scale", [1, 1e4])
def test_redundancy_of_the_noise(spectrum, expected, scale):
    assert redundancy(scale * rotated(spectrum) + 3, 2) == pytest.approx(expected)


def test_redundancy_counts_rows_by_weight():
    weights = np.arange(101) % 3
    repeated = redundancy(np.repeat(X, weights, axis=0), 2)
    used = weights > 0
    weighted = redundancy(X[used], 2, weights[used] / weights[used].mean())
    assert weighted == pytest.approx(repeated)


@pytest.mark.parametrize("n_components", [5, 6, 8])
def test_redundancy_with_nothing_left(n_components):
    assert redundancy(X, n_components) == 1


def test_redundancy_of_wide_rows_is_estimated(monkeypatch):
    wide = rotated(1 / np.arange(1, 61), n_samples=200)
    exact = redundancy(wide, 2)
    monkeypatch.setattr(principal, "MAX_COVARIANCE", 10)
    assert redundancy(wide, 2) == pytest.approx(exact, rel=0.15)


def test_different_rows_are_counted():
    X = np.repeat(np.arange(6.0).reshape(3, 2), [1, 1, 4], axis=0)
    assert Rows(X).n_different(100, 0) == 3
    assert Rows(X, subset=np.array([0, 2, 5])).n_different(100, 0) == 2


def test_different_rows_are_extrapolated():
    X = np.random.RandomState(0).standard_normal((100, 2))
    assert Rows(X).n_different(10, 0) == 100
    assert Rows(np.repeat(X[:1], 100, axis=0)).n_different(10, 0) == 10


def test_few_rows_of_very_many_features_all_count_at_the_start():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((500, 2)) * [9, 6] @ rng.standard_normal((2, 12_000))
    X = (X + 5 * rng.standard_normal(X.shape)).astype(np.float32)
    X -= X.mean(axis=0)
    one = torch.tensor(1.0)
    _, _, left = principal_axes(Rows(X), torch.zeros(X.shape[1]), one, 2, 0)
    explained = PCA(2, random_state=0).fit(X).explained_variance_ratio_.sum()
    assert left == pytest.approx(1 - explained, rel=1e-4)
