"""VariationalAutoencoderTransformer."""

import math
from functools import partial
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from ._base import BaseAutoencoder, Decay, noise_variance
from ._core.bound import (
    EvidenceBound,
    KLWarmup,
    StartIfBetter,
    VariationalNet,
    importance_weighted_bound,
)
from ._core.likelihoods import LIKELIHOODS, MIN_DISPERSION
from ._core.modules import VariationalAutoencoder
from ._core.pilot_bound import BoundTrial
from ._core.principal import axes_of, noise_redundancy, sampled, start_at_ppca
from ._validation import HasMethods, Interval, StrOptions, as_random_state, check_rows
from .sampling import LATENT_SAMPLERS, fit_posterior, is_posterior

__all__ = ["VariationalAutoencoderTransformer"]

# Nats of KL above which a component is active.
ACTIVE = 0.01


class VariationalAutoencoderTransformer(BaseAutoencoder):
    """Nonlinear dimensionality reduction with a latent space made for drawing from.

    A variational autoencoder [1]_. The encoder maps every row to a normal law over codes,
    the decoder maps codes to rows, and training maximizes a lower bound of the
    log-likelihood of the rows under codes drawn from N(0, I)::

        (1 / n_samples) * sum_i w_i * (E[log p(x_i | z)] - beta * KL(q(z | x_i) || N(0, I)))

    with the expectation over z drawn from q(z | x_i), sums over features and components
    inside, and the noise variance of the likelihood at its most likely value. ``beta=1`` is
    the evidence lower bound. So codes gather about the origin, at unit scale and without
    large gaps, and decoding draws from N(0, I) makes novel rows. The deterministic sibling
    is :class:`AutoencoderTransformer`.

    Parameters
    ----------
    n_components : int, default=2
        Number of components: the size of a code. It may exceed ``n_features``.

    hidden_layer_sizes : int or array-like of int, default=(128, 64)
        Widths of the encoder's hidden layers. A linear path runs beside them, which
        starts at the solution of PCA, unless ``encoder`` or ``decoder`` is your own;
        with ``()`` there is only that path, and the model is PCA up to a linear map of the codes.
        Two layers, where ``MLPRegressor`` has one of 100: codes and decodings each need
        more than one to bend much.

    decoder_hidden_layer_sizes : int, array-like of int or None, default=None
        Widths of the decoder's hidden layers. None mirrors the encoder's.

    activation : {'identity', 'logistic', 'relu', 'silu', 'tanh'}, default='silu'
        Activation of the hidden layers. The smooth ``'silu'``, ``x * sigmoid(x)``, makes
        decodings change smoothly along the latent space; `AutoencoderTransformer` and
        ``MLPRegressor`` have ``'relu'``.

    likelihood : {'gaussian', 'laplace', 'bernoulli'}, default='gaussian'
        What a reconstruction means: the mean of a normal law (squared error), the median
        of a Laplace law (absolute error, for data with outliers), or the probability of a
        1 (log loss, for X in [0, 1]).

    noise : float, default=0.0
        Standard deviation of the Gaussian noise added to the input, never to the target,
        in training: a denoising autoencoder [5]_. In units of the root mean square
        standard deviation of the features. There is no ``'auto'``, as the plain model has it:
        draws from posteriors are noise already, of a size that is learnt.

    beta : float or 'auto', default='auto'
        Weight of the KL term. 1 is the evidence lower bound, whatever the number of
        features, components or rows in a batch; more closes gaps and makes
        reconstructions coarser [2]_. ``'auto'`` is the number of times that the likelihood,
        to which all features are independent, counts the same noise: 1 where they are, 4 on
        images of 8 x 8 pixels, whose neighbours err together; see the Notes. Where that
        makes rows held out less likely (see ``alpha``), it is 1.

    free_bits : float, default=0.0
        KL in nats that each component has for nothing, against components that fall
        silent [3]_.

    kl_warmup : float, default=0.2
        Share of training over which the weight of the KL term rises from 0 to ``beta``, so
        that codes curve before they are pressed together; training does not stop before. Not
        in `partial_fit`, nor in models without hidden layers or with
        ``activation='identity'``, which start at or near their optimum.

    n_importance_samples : int, default=100
        Draws from the posterior of a row that `score_samples` averages.

    alpha : 'auto' or float, default='auto'
        Weight decay: the objective contains ``alpha / 2 * r * ||weights||²`` over the weights
        of hidden layers and of your own networks, but not over biases nor the linear paths.
        ``r`` is ``(100 / n)**1.5``, or ``(100 / n)**2`` below 100, where n is the number of
        different rows. The term is not part of ``loss_``. Where we have ``alpha * r``,
        ``MLPRegressor`` has ``0.0001 / n``.

        ``'auto'`` is 0.002: less than what `AutoencoderTransformer` has for its decoder, since
        the divergence from the prior holds the model back, too. But of at most 1 000 rows (and
        262 144 numbers) parts are held out in turn in small trial runs first. If they do not
        get likelier than under probabilistic PCA by 1.25 standard errors, with ``beta`` as the
        rows have it nor with 1, the model stays at probabilistic PCA, as
        :class:`~sklearn.decomposition.PCA` has it, and training ends after one epoch. It is 0.0006
        where they get likelier still by that, by two standard errors. ``alpha_`` and ``beta_``
        say what it was; further training keeps them, unless it was PCA: then `fit` starts
        anew. Nothing is tried with a number for ``beta``, ``noise``, ``free_bits``, own
        networks, without hidden layers, or in `partial_fit`.

    solver : {'adam', 'sgd'}, default='adam'
        Adam, or gradient descent with Nesterov's momentum 0.9.

    learning_rate_init : float, default=0.005
        Largest step size. It is reached over the first tenth of the steps and falls to 0
        along a half cosine over the rest, which ``max_iter`` sets. Five times that of
        ``MLPRegressor``, because it decays; the 0.01 of `AutoencoderTransformer` gain nothing
        here.

    batch_size : int or 'auto', default='auto'
        Largest number of rows in a step; batches have nearly equal sizes. ``'auto'`` is a
        quarter of the rows, but at least 64, if there are so many, and at most 200.

    max_iter : int, default=150
        Largest number of epochs. The step size falls to 0 by then; the last of the 200 that
        ``MLPRegressor`` has would bring little.

    tol : float, default=5e-4
        Training has converged when the objective has not fallen by ``tol`` for
        ``n_iter_no_change`` epochs, not counting those in which the step size rises; at
        the end, once it is below a tenth, when the loss of these epochs, without the decay,
        does not fall by ``tol`` along a straight line, by two standard errors. Where
        ``max_iter`` ends training before that, a warning says so. In
        units of a loss that counts the variance of X as 1, whatever the units of X
        (``'gaussian'``; the root mean square standard deviation as 1 for ``'laplace'``,
        nats per feature for ``'bernoulli'``). ``MLPRegressor`` has 1e-4; here the step size
        falls, so that the last epochs bring little by design.

    n_iter_no_change : int or inf, default=10
        Number of epochs without progress that ends training. While the step size is
        still above a tenth of ``learning_rate_init``, it is first brought down to 0, in
        as many epochs, or in a quarter of those so far if these are more.

    early_stopping : bool, default=False
        Whether progress is measured on held-out rows instead of those trained on.

    validation_fraction : float, default=0.1
        Share of the rows to hold out. Only used if ``early_stopping`` is True.

    warm_start : bool, default=False
        Whether `fit` goes on from the networks of the last `fit`, with their centring and
        scaling, for ``max_iter`` further epochs with a warm-up of their own. What the
        networks and the solver are built from must be as it was.

    shuffle : bool, default=True
        Whether the rows are shuffled before every epoch. Data of a single batch are not.

    encoder, decoder : torch.nn.Module or callable, default=None
        Own networks in place of the built-in ones. A module is copied before use and
        keeps its weights as a start; anything else is called with the widths of input and
        output, as ``torch.nn.Linear`` is, and must return a module. Own networks get and
        give rows in the units of X, with no centring or scaling between; for
        ``'bernoulli'`` the decoder gives logits. The two may share parameters.

    latent_sampler : {'standard_normal', 'posterior', 'gmm', 'normal', 'kde', 'box', \
            'class_conditional'} or estimator, default='standard_normal'
        The law that `sample` draws codes from: the prior N(0, I); the mean of the
        posteriors of at most 10 000 training rows (``'posterior'``,
        :class:`~skae.sampling.PosteriorDensity`); or a law fitted on a sample from each of
        these, see :class:`AutoencoderTransformer`. An estimator must have ``fit`` and
        ``sample``; it is cloned.

    device : str or torch.device, default='auto'
        Where to train and to infer. ``'auto'`` is a CUDA GPU if there is one.

    callbacks : list of skorch callbacks, default=None
        Each a callback or a pair (name, callback); cloned in `fit`. A
        :class:`~skorch.callbacks.LRScheduler` takes the place of the built-in schedule.
        For scikit-learn's own callbacks, see ``set_callbacks`` (scikit-learn >= 1.9).

    verbose : int, default=0
        If not 0, show a progress bar with the loss and the time left.

    random_state : int, RandomState instance or None, default=None
        Seed of the initial weights, the order of rows, the noise and the latent law. The
        global states of NumPy and torch are neither used nor changed.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net; ``net_.history`` holds what skorch recorded in the last `fit`.

    encoder_ : torch.nn.Module
        From rows in units of X to codes; shares its weights with ``net_``.

    decoder_ : torch.nn.Module
        From codes to means of rows in units of X; shares its weights with ``net_``.

    n_iter_ : int
        Number of epochs begun.

    loss_ : float
        The objective without weight decay, in nats for a row, in the epoch whose weights were
        kept.

    loss_curve_ : list of float
        The objective in every completed epoch, averaged over its batches, with the KL term
        in full during its warm-up.

    validation_scores_ : list of float or None
        Minus the loss on the held-out rows, without ``free_bits``, after every epoch. None
        unless ``early_stopping`` is True.

    best_validation_score_ : float or None
        Largest of the last fit's ``validation_scores_``, reached in the epoch whose
        weights were kept.

    beta_ : float
        Weight of the KL term in training.

    alpha_ : float
        The ``alpha`` when the model was last trained; ``inf`` if it stayed at probabilistic
        PCA.

    noise_variance_ : float or None
        Most likely variance of a feature about its reconstruction, from at most 10 000
        training rows: the mean squared error (``'gaussian'``), or twice the squared mean
        absolute error (``'laplace'``), of draws from posteriors. Where rows were held out in
        trial runs (see ``alpha``) that of new rows: the loss is larger by what it was for these.
        Of a model that stayed at probabilistic PCA, if ``'gaussian'``, that of
        :class:`~sklearn.decomposition.PCA`; of rows n less than half as many as features,
        the mean of the variances left, times ``(n + 1) / (n - 1 - n_components)``.
        None for ``'bernoulli'``.

    elbo_ : float
        Evidence lower bound of the training rows, with weight 1 of the KL term whatever
        ``beta`` is, and ``noise_variance_``; in nats for a row, from at most 10 000 of them.

    kl_per_component_ : ndarray of shape (n_components,)
        Mean KL divergence of each component from the prior, in nats.

    n_active_components_ : int
        Components with a KL divergence above 0.01 nats: those that say something of the
        rows.

    latent_sampler_ : estimator
        The latent law, fitted when it is first asked for.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features seen in `fit`, if all are strings.

    See Also
    --------
    AutoencoderTransformer : The deterministic sibling.
    LatentDiagnostics : Says whether the latent space is fit for generating data.
    sklearn.decomposition.PCA : With ``score``, its linear counterpart.

    Notes
    -----
    Features are centred and divided by one number for all of them, as for
    :class:`AutoencoderTransformer`. Training starts at the solution of probabilistic PCA
    [4]_, which a model without hidden layers keeps to: its components are not collapsed, and
    its bound is the log-likelihood. Small tables without more to say stay there, see ``alpha``:
    of 375 splits of 125 tables, 89 end below it on rows held out with 0.002 for ``alpha``, and 8
    with ``'auto'``.

    The noise of a draw from a posterior belongs to the row, so that a row of weight two trains
    as two copies of it do. After training every axis of the latent space is shifted and scaled
    to where the KL term is smallest: codes drawn from the posteriors of the training rows have
    mean 0 and mean square 1. No row decodes to anything else. What stays at probabilistic PCA
    has its axes from there: the mean square is 1 in the count of a sample, up to a share of 1 / n.

    The bound takes the noise of features to be independent. Where it is not, the same
    evidence counts several times: posteriors are too narrow, and holes remain between them.
    With r_j the variances of X along its principal axes beyond the first ``n_components``, the
    noise of the features fluctuates as ``(sum_j r_j)² / sum_j r_j²`` independent ones do [6]_,
    and ``beta='auto'`` is their actual number over this one::

        beta_ = max(1, (n_features - n_components) * sum_j r_j² / (sum_j r_j)²)

    which is 1, up to sampling, for the noise of probabilistic PCA. In a linear model no
    component falls silent by it: ``beta_`` times the noise variance is a mean of the r_j, and
    so below the variance along every component. For ``'bernoulli'`` it is less by the ratio of
    the variance left to that of binary features of the same means.

    Held-out rows are likeliest at weights of 2 to 3 on digits, where the formula gives 4.3 with 2
    components and 2.2 with 16; on MNIST up to 20 and above, where it gives 21; on small
    tables mostly between 1 and 4, where it gives 1.4 to 4. It errs to the side of few gaps:
    with 2 components digits score as at 1, with a third of the gaps.
    ``benchmarks/bench_variational.py`` prints the curves. In many components
    gaps remain (digits, 16 components: a fifth of the draws); ``beta`` of 3 to 4 closes most
    of them at the cost of reconstructions, and ``latent_sampler='posterior'`` avoids them. With few
    rows the formula grows by about n_features / n_samples: independent noise looks dependent
    then. The first `fit` sets it for warm starts, the first `partial_fit` for the next.

    `transform` gives posterior means. Their spread is less than that of draws, which the
    decoder was trained on: see `sample_posterior`.

    References
    ----------
    .. [1] Diederik P. Kingma and Max Welling, "Auto-encoding variational Bayes", ICLR 2014.
    .. [2] Irina Higgins et al., "beta-VAE: learning basic visual concepts with a constrained
       variational framework", ICLR 2017.
    .. [3] D. P. Kingma et al., "Improved variational inference with inverse autoregressive
       flow", NeurIPS 2016, section C.8.
    .. [4] J. Lucas, G. Tucker, R. Grosse and M. Norouzi, "Don't blame the ELBO! A linear VAE
       perspective on posterior collapse", NeurIPS 2019.
    .. [5] P. Vincent et al., "Extracting and composing robust features with denoising
       autoencoders", ICML 2008.
    .. [6] C. S. Bretherton et al., "The effective number of spatial degrees of freedom of a
       time-varying field", Journal of Climate 12, 1999: the eigenvalue formula.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import VariationalAutoencoderTransformer
    >>> X = load_digits().data[:500] / 16
    >>> vae = VariationalAutoencoderTransformer(n_components=2, hidden_layer_sizes=16, tol=0.01,
    ...                                         random_state=0).fit(X)
    >>> vae.transform(X).shape
    (500, 2)
    >>> vae.sample(25, random_state=0).shape
    (25, 64)
    >>> vae.n_active_components_
    2
    """

    _net_class = VariationalNet
    _module_class = VariationalAutoencoder
    _objective_class = EvidenceBound
    _n_outputs = 2  # mean and log-variance
    _has_posteriors = True
    # Larger than the plain model's: the noise of the codes weighs curvature too.
    _first_gain = 1.0
    _auto_decay = Decay(0.002)

    _parameter_constraints = {
        **BaseAutoencoder._parameter_constraints,
        "beta": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
        "free_bits": [Interval(Real, 0, None, closed="left")],
        "kl_warmup": [Interval(Real, 0, 1, closed="both")],
        "n_importance_samples": [Interval(Integral, 1, None, closed="left")],
        "latent_sampler": [
            StrOptions({*LATENT_SAMPLERS, "posterior"}),
            HasMethods(["fit", "sample"]),
        ],
    }

    def __init__(
        self,
        n_components=2,
        *,
        hidden_layer_sizes=(128, 64),
        decoder_hidden_layer_sizes=None,
        activation="silu",
        likelihood="gaussian",
        noise=0.0,
        beta="auto",
        free_bits=0.0,
        kl_warmup=0.2,
        n_importance_samples=100,
        alpha="auto",
        solver="adam",
        learning_rate_init=0.005,
        batch_size="auto",
        max_iter=150,
        tol=5e-4,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        warm_start=False,
        shuffle=True,
        encoder=None,
        decoder=None,
        latent_sampler="standard_normal",
        device="auto",
        callbacks=None,
        verbose=0,
        random_state=None,
    ):
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.decoder_hidden_layer_sizes = decoder_hidden_layer_sizes
        self.activation = activation
        self.likelihood = likelihood
        self.noise = noise
        self.beta = beta
        self.free_bits = free_bits
        self.kl_warmup = kl_warmup
        self.n_importance_samples = n_importance_samples
        self.alpha = alpha
        self.solver = solver
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.warm_start = warm_start
        self.shuffle = shuffle
        self.encoder = encoder
        self.decoder = decoder
        self.latent_sampler = latent_sampler
        self.device = device
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state

    def _objective(self, module, rows, seed):
        if self.beta == "auto" and module.beta is None:  # fitted with a number before
            place, n_components = tuple(module.standardize.buffers()), int(self.n_components)
            sample = sampled(rows, *place, n_components, seed)
            module.beta = self._redundancy(sample, axes_of(sample, n_components), *place)
        beta = module.beta if self.beta == "auto" else self.beta
        return EvidenceBound(self.likelihood, beta, self.free_bits)

    def _chosen_decay(self, module, rows, seed, resume, one_epoch):
        if module.is_ppca:
            module.beta = None  # it was that of probabilistic PCA
        goes_on = resume and not one_epoch and self.alpha == "auto"
        if not (goes_on and self._is_tried(rows)):
            module.optimism = 1.0  # it was that of other rows
        decay = super()._chosen_decay(module, rows, seed, resume, one_epoch)
        module.is_ppca = decay.is_infinite
        return decay

    def _is_tried(self, rows):
        return super()._is_tried(rows) and self.beta == "auto" and not self.free_bits

    def _tried_decay(self, module, rows, seed):
        """Along with it, the weight of the KL term: that of the rows, or 1 if that does not pay."""
        for beta in sorted({module.beta, 1.0}, reverse=True):
            trial = self._trial(BoundTrial, seed, self._auto_decay, beta=beta)
            factor, runs = trial.outcome(rows)
            if math.isfinite(factor):
                module.beta, module.optimism = beta, runs.optimism[factor]
                return self._auto_decay.times(factor)
        self._start_as_sample(module, rows, seed)
        module.beta = 1.0
        return Decay(math.inf)

    def _start_as_sample(self, module, rows, seed):
        """Start at probabilistic PCA whose variances are those of a sample."""
        likelihood, n_components = LIKELIHOODS[self.likelihood], int(self.n_components)
        center, scale = module.standardize.buffers()
        networks = {"encoder": module.encoder, "decoder": module.decoder}
        axes = axes_of(sampled(rows, center, scale, n_components, seed), n_components)
        noise = start_at_ppca(
            {**networks, "center": center, "scale": scale},
            *axes,
            likelihood,
            n_components,
            n_rows=rows.n_different(len(rows), seed),
        )
        module.dispersion.fill_(likelihood.start_dispersion(noise))

    def _start(self, arguments, rows, n_components, seed):
        """Start at probabilistic PCA; the dispersion is the module's further argument."""
        likelihood, noise = LIKELIHOODS[self.likelihood], arguments["center"].new_tensor(1.0)
        place = arguments["center"], arguments["scale"]
        is_auto = self.beta == "auto"
        sample = sampled(rows, *place, n_components, seed, starting=not is_auto)
        axes = axes_of(sample, n_components)
        if not (arguments["own_encoder"] or arguments["own_decoder"]):
            noise = start_at_ppca(arguments, *axes, likelihood, n_components)
        return {
            "dispersion": likelihood.start_dispersion(noise),
            "n_components": n_components,
            "beta": self._redundancy(sample, axes, *place) if is_auto else None,
        }

    def _redundancy(self, sample, axes, center, scale):
        """The weight of the KL term that belongs to the data."""
        likelihood, n_components = LIKELIHOODS[self.likelihood], int(self.n_components)
        return max(1.0, noise_redundancy(sample, *axes, n_components, likelihood, center, scale))

    def _further_callbacks(self, n_steps):
        n_held = 0 if self._starts_at_optimum() else int(self.kl_warmup * n_steps)
        callbacks = [("kl_warmup", KLWarmup(n_held))]
        if not (self.noise or self.free_bits or self.early_stopping):
            callbacks.append(("start", StartIfBetter()))
        return {"further": callbacks, "n_held": n_held}

    def _starts_at_optimum(self):
        """Whether the model is linear, for which probabilistic PCA is the solution."""
        return self._is_linear and self.encoder is None and self.decoder is None

    def _summary(self, net, sample, drawn, seed):
        means, stds, codes, loss = net.settle(sample, self._decoded(sample, seed))
        weights = sample.row_weights
        kl = np.average((means**2 + stds**2 - 1 - np.log(stds**2)) / 2, axis=0, weights=weights)
        likelihood, module = LIKELIHOODS[self.likelihood], net.module_
        posteriors = (means[drawn], stds[drawn]) if is_posterior(self.latent_sampler) else None
        dispersion, beta = module.dispersion.item(), net.criterion_.beta
        nats = likelihood.nats(loss, dispersion)
        objective = nats + beta * float(kl.sum()) / self.n_features_in_
        attributes = {
            "noise_variance_": noise_variance(module, likelihood, dispersion, MIN_DISPERSION),
            "elbo_": -float(net.criterion_.in_units(nats, module)) - float(kl.sum()),
            "kl_per_component_": kl.astype(np.float64),
            "n_active_components_": int((kl > ACTIVE).sum()),
            "beta_": float(beta),
            "_posteriors": posteriors,
        }
        return codes, objective, attributes

    def _fit_law(self):
        if self._posteriors is None:
            return super()._fit_law()
        return fit_posterior(self._unfitted_law, *self._posteriors, self._seed)

    def _complaints(self):
        yield from super()._complaints()
        if self.n_active_components_ == 0:
            yield (
                "The posterior has collapsed: no component carries information about X. Try a "
                "smaller beta, kl_warmup, free_bits, or a longer training; or X is noise."
            )

    def sample_posterior(self, X, *, random_state=None):
        """Draw a code from the posterior of every row.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            Rows.
        random_state : int, RandomState instance or None, default=None
            Seed of the draws; an int gives the same codes in every call.

        Returns
        -------
        X_latent : ndarray of shape (n_samples, n_components)
            Draws from N(mean, diag(std²)) of each row, in the dtype of X.
        """
        mean, std = self._posterior(X)
        noise = as_random_state(random_state).standard_normal(mean.shape)
        return mean + std * noise.astype(mean.dtype, copy=False)

    def _posterior(self, X):
        """Mean and standard deviation of every row's posterior, as two arrays."""
        check_is_fitted(self)
        X = check_rows(self, X, reset=False)
        module = self.net_.module_.eval()

        def posterior(x):
            mean, log_variance = module.posterior(x.clone(), module.standardize(x))
            return torch.cat([mean, torch.exp(log_variance / 2)], dim=1)

        return np.split(self._infer(posterior, X, 2 * self._n_features_out), 2, axis=1)

    def score_samples(self, X):
        """Lower bound of the log-likelihood of every row, ``log p(x)``.

        The importance-weighted bound ``log (1/K) sum_k p(x, z_k) / q(z_k | x)`` over K =
        ``n_importance_samples`` draws, which nears ``log p(x)`` from below as K grows. The
        noise of the draws belongs to the row, so that its score depends on no other row and
        is the same in every call.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        log_likelihood : ndarray of shape (n_samples,)
            In nats, summed over features; higher is better.
        """
        check_is_fitted(self)
        X = check_rows(self, X, reset=False)
        self._check_range(X, self._likelihood)
        n_draws = self.n_importance_samples
        check_scalar(n_draws, "n_importance_samples", Integral, min_val=1)
        module, n_rows = self.net_.module_.eval(), self._block_size()
        log_density = partial(
            LIKELIHOODS[self._likelihood].log_density, noise_variance=self.noise_variance_
        )

        def score(x):
            return importance_weighted_bound(x, module, log_density, n_draws, n_rows)[:, None]

        return self._infer(score, X, 1, expansion=n_draws)[:, 0]
