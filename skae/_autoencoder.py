"""AutoencoderTransformer."""

from numbers import Real

import numpy as np

from ._base import BaseAutoencoder, Decay
from ._core.net import Objective
from ._core.penalties import PENALTIES
from ._core.pilot import Trial
from ._validation import Interval, StrOptions

__all__ = ["AutoencoderTransformer"]

# Epochs that are too few for learning rows by heart, and those from which noise is all there.
NOISE_EPOCHS = 5, 50


class AutoencoderTransformer(BaseAutoencoder):
    """Nonlinear dimensionality reduction by an autoencoder.

    An encoder network maps every row to a code of ``n_components`` numbers, a decoder
    network maps codes back to rows, and both are trained so that rows survive the round
    trip [1]_. It is used as :class:`~sklearn.decomposition.PCA` is, captures curved
    structure as well, and decodes any point of the latent space.

    With f the encoder and g the decoder, training minimizes::

        (1 / n_samples) * sum_i w_i * loss(x_i, g(f(x_i + noise_i)))
            + latent_alpha * penalty

    where ``loss`` is the mean over features of the squared error (``'gaussian'``), the
    absolute error (``'laplace'``) or the log loss (``'bernoulli'``) of features of mean
    variance 1. Beside it stands the weight decay ``alpha``.

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

    activation : {'identity', 'logistic', 'relu', 'silu', 'tanh'}, default='relu'
        Activation of the hidden layers. ``'silu'``, ``x * sigmoid(x)``, makes the decoder
        smooth, without the kinks of ``'relu'``, but reconstructs a little worse.

    likelihood : {'gaussian', 'laplace', 'bernoulli'}, default='gaussian'
        What a reconstruction means: the mean of a normal law (squared error), the median
        of a Laplace law (absolute error, for data with outliers), or the probability of a
        1 (log loss, for X in [0, 1]).

    noise : 'auto' or float, default='auto'
        Standard deviation of the Gaussian noise added to the input, never to the target,
        in training: a denoising autoencoder [2]_. In units of the root mean square
        standard deviation of the features.

        With ``'auto'`` it is ``0.2 * left * spread``, where ``left`` is the share of the variance
        that PCA with ``n_components`` leaves and ``spread`` the standard deviation, in the same
        units, of PCA's codes along the last component: noise that blurs these codes by a fifth
        of their spread at most, and hardly where PCA explains nearly all. Rows are then learnt
        less by heart, and new ones mostly reconstructed better. Few epochs do not suffice for
        that: with ``max_iter`` below 50 it is ``(max_iter - 5) / 45`` of this, up to 5 nothing. It
        is 0 for linear models, with a network of your own, and where the model stays at PCA.
        Further training keeps what the first rows said (0 of no more rows than components),
        and counts the epochs before, too; `partial_fit` takes all of it.

    latent_penalty : {'l1', 'l2', 'mmd'} or None, default=None
        Penalty on the codes: mean absolute sum, mean squared length, or squared maximum
        mean discrepancy from N(0, I), which makes a Wasserstein autoencoder [3]_.

    latent_alpha : float, default=0.01
        Weight of ``latent_penalty``, beside a loss that counts the variance of X as 1
        (``'gaussian'``). ``'mmd'``, itself at most 2, takes weights of about 1.

    alpha : 'auto' or float, default='auto'
        Weight decay: the objective contains ``alpha / 2 * r * ||weights||²`` over the weights
        of hidden layers and of your own networks, but not over biases nor the linear paths.
        ``r`` is ``(100 / n)**1.25``, or ``(100 / n)**2`` below 100, where n is the number of
        different rows. The term is not part of ``loss_``. Where we have ``alpha * r``,
        ``MLPRegressor`` has ``0.0001 / n``: with that little, small tables are learnt by heart.

        With ``'auto'`` it is 0.005 for the decoder and a tenth of that for the encoder. But of at
        most 1 000 rows (and 262 144 numbers) parts are held out in turn in small trial runs
        first: if they do not gain by more than PCA, by 1.25 standard errors, or by ``(150 / n)**2``
        of that from 150 rows on, the model stays at PCA, and training ends after one epoch.
        Below 150 rows it is 0.0015 where these gain more by that, by two standard errors.
        ``alpha_`` says which it was; further training keeps it, unless it was PCA: then `fit`
        starts anew.
        Nothing is tried with a number for ``noise`` but 0, penalties, own networks, without
        hidden layers, or in `partial_fit`.

    solver : {'adam', 'sgd'}, default='adam'
        Adam, or gradient descent with Nesterov's momentum 0.9.

    learning_rate_init : float, default=0.01
        Largest step size. It is reached over the first tenth of the steps and falls to 0
        along a half cosine over the rest, which ``max_iter`` sets. Ten times that of
        ``MLPRegressor``, because it decays. Wide layers may want less in few epochs: with those of
        512 and 256, 0.005 leaves 2 % less error of 8 000 images in 10, but gains tables nothing
        in 150.

    batch_size : int or 'auto', default='auto'
        Largest number of rows in a step; batches have nearly equal sizes. ``'auto'`` is a
        quarter of the rows, but at least 64, if there are so many, and at most 200. Four
        steps an epoch or more let small tables get as far as large ones;
        ``MLPRegressor`` has ``min(200, n_samples)``.

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

    latent_sampler : {'gmm', 'normal', 'kde', 'box', 'standard_normal', \
            'class_conditional'} or estimator, default='gmm'
        The law that `sample` draws codes from, fitted on at most 10 000 codes of the
        training rows; see `skae.sampling`.

        - ``'gmm'``: a Gaussian mixture with the number of components of smallest BIC;
        - ``'normal'``: the normal law of the codes;
        - ``'kde'``: a kernel density;
        - ``'box'``: the uniform law on the bounding box of the codes;
        - ``'standard_normal'``: N(0, I), wherever the codes are;
        - ``'class_conditional'``: for every class in the y given to `fit`, a mixture as
          in ``'gmm'``, so that ``sample(n, y=label)`` can ask for classes. Without y, or
          with a y that holds no classes, it is ``'gmm'``.

        An estimator must have ``fit`` and ``sample``, such as
        :class:`~sklearn.mixture.BayesianGaussianMixture`; it is cloned. If its ``sample``
        takes y, its ``fit`` gets the labels.
        :func:`skae.inspection.recommend_sampler` says which law fits best.

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
        The loss of rows with their ``noise``, with penalty, without weight decay, in the epoch
        whose weights were kept, or before the first epoch, of rows without noise, if none came
        below; in units of X to the power of the loss: for ``'gaussian'`` without penalty, a
        mean squared error. ``noise_variance_`` is of rows without noise.

    loss_curve_ : list of float
        The same loss in every completed epoch, averaged over its batches.

    validation_scores_ : list of float or None
        Minus the loss on the held-out rows, without penalty, after every epoch. None
        unless ``early_stopping`` is True.

    best_validation_score_ : float or None
        Largest of the last fit's ``validation_scores_``, reached in the epoch whose
        weights were kept.

    alpha_ : float
        The ``alpha`` of the decoder when it was last trained; ``inf`` if the model stayed at
        PCA.

    noise_ : float
        The ``noise`` in the last training.

    noise_variance_ : float or None
        Most likely variance of a feature about its reconstruction, from at most 10 000
        training rows (fewer where they have more than 200 features, but at least 500): the
        mean squared error (``'gaussian'``), or twice the squared mean absolute error
        (``'laplace'``). None for ``'bernoulli'``.

    latent_sampler_ : estimator
        The latent law, fitted when it is first asked for.

    latent_support_ : LatentSupport
        Tells points that the codes support from those in gaps; fitted when it is first
        asked for, on the codes that the law is fitted on.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features seen in `fit`, if all are strings.

    See Also
    --------
    sklearn.decomposition.PCA : The linear counterpart.
    sklearn.neural_network.MLPRegressor : The parameters that share a name mean the same,
        but for the differences said above.

    Notes
    -----
    The features are centred, and divided by one number for all of them, the root of their
    mean variance. This makes the step size fit any data and leaves the objective what it
    is; bringing features to equal weight, with
    :class:`~sklearn.preprocessing.StandardScaler` say, remains for the pipeline.

    Gradients are clipped at norm 1. When training ends, the weights of the epoch of
    smallest objective, decay included, are kept (of smallest loss on held-out rows, if
    there are any), or those of the start where no epoch improves on them, unless noise is
    asked for by a number. Ctrl-C ends
    training early and leaves a usable estimator.

    Equal ``random_state`` and data give equal bits on a CPU, over refits, clones, pickles
    and processes. Steps of more than 10⁸ multiplications use as many threads as torch is
    set to, and equal bits then require an equal number of threads.

    A plain autoencoder promises nothing about the shape of its latent space: codes may lie
    far from the origin, and points between them may decode badly. `sample` therefore
    draws from a law fitted on the codes.

    References
    ----------
    .. [1] G. E. Hinton and R. R. Salakhutdinov, "Reducing the dimensionality of data with
       neural networks", Science 313, 2006.
    .. [2] P. Vincent et al., "Extracting and composing robust features with denoising
       autoencoders", ICML 2008.
    .. [3] Ilya Tolstikhin et al., "Wasserstein auto-encoders", ICLR 2018.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.pipeline import Pipeline
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> from skae import AutoencoderTransformer
    >>> X = load_digits().data[:500]
    >>> pipe = Pipeline([
    ...     ("scale", MinMaxScaler()),
    ...     ("ae", AutoencoderTransformer(n_components=2, random_state=0)),
    ... ])
    >>> Z = pipe.fit_transform(X)
    >>> Z.shape
    (500, 2)
    >>> pipe.inverse_transform([[0.0, 0.0], [1.0, -1.0]]).shape
    (2, 64)
    >>> pipe[-1].sample(25, random_state=0).shape
    (25, 64)
    """

    # Small, so that data must ask for more than PCA.
    _first_gain = 0.4
    _auto_decay = Decay(0.005, encoder_share=0.1, power=1.25)

    _parameter_constraints = {
        **BaseAutoencoder._parameter_constraints,
        "noise": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
        "latent_penalty": [StrOptions(set(PENALTIES)), None],
        "latent_alpha": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        n_components=2,
        *,
        hidden_layer_sizes=(128, 64),
        decoder_hidden_layer_sizes=None,
        activation="relu",
        likelihood="gaussian",
        noise="auto",
        latent_penalty=None,
        latent_alpha=0.01,
        alpha="auto",
        solver="adam",
        learning_rate_init=0.01,
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
        latent_sampler="gmm",
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
        self.latent_penalty = latent_penalty
        self.latent_alpha = latent_alpha
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

    def _is_tried(self, rows):
        return super()._is_tried(rows) and self.latent_penalty is None

    def _tried_decay(self, module, rows, seed):
        factor, _ = self._trial(Trial, seed, self._auto_decay).outcome(rows)
        return self._auto_decay.times(factor)

    def _noise_level(self, module, n_epochs):
        if self.noise != "auto":
            return self.noise
        # PCA is the solution of linear models, but not with noise.
        noise = 0.0 if self._is_linear else module.fitting_noise
        return noise * float(np.interp(n_epochs, NOISE_EPOCHS, (0.0, 1.0)))

    def _objective(self, module, rows, seed):
        return Objective(self.likelihood, self.latent_penalty, self.latent_alpha)
