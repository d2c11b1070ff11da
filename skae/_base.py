"""What all autoencoders share: validate, build the net, train, record; and use the result."""

import copy
import math
import warnings
from functools import partial
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from ._callbacks import FitTasks
from ._core.batches import Batches, Rows, as_tensor, center_and_scale
from ._core.callbacks import OWN, at_rest, training_callbacks
from ._core.device import check_device
from ._core.likelihoods import LIKELIHOODS
from ._core.modules import ACTIVATIONS, Autoencoder, Perceptron, user_module
from ._core.net import AutoencoderNet, Objective
from ._core.optimizers import SGD, Adam
from ._core.principal import start_at_pca
from ._core.seeding import limited_threads, no_autocast, seeded, work
from ._validation import (
    CallbackSupportMixin,
    HasMethods,
    Interval,
    Options,
    StrOptions,
    _fit_context,
    as_random_state,
    check_callbacks,
    check_codes,
    check_latent_sampler,
    check_layer_sizes,
    check_rows,
    check_unit_interval,
    check_weights,
    clone_parametrized,
    restored_on_error,
)
from .sampling import (
    LATENT_SAMPLERS,
    class_labels,
    draw,
    draw_supported,
    fit_latent_sampler,
    interpolate,
    is_posterior,
    takes_labels,
)

__all__ = ["BaseAutoencoder"]

OPTIMIZERS = {
    "adam": (Adam, {}),
    "sgd": (SGD, {"momentum": 0.9, "nesterov": True}),
}

# Rows from which the noise variance and the latent law are estimated, at most.
MAX_SUMMARY_ROWS = 10_000

# Numbers that the noise variance is estimated from, at most, if that leaves so many rows.
MAX_DECODED, MIN_DECODED = 2**21, 500

# Rows at which the decay is ``alpha``, and the power of their ratio to the rows at hand if these
# are fewer.
DECAY_ROWS, DECAY_POWER = 100, 2

# Where there are at most so many rows, and numbers in them, rows held out decide on the decay.
MAX_TRIED_ROWS, MAX_TRIED_NUMBERS = 1000, 2**18

# Rows in a batch, at most, and what they may be few of if there are so many.
MAX_BATCH, MIN_BATCH = 200, 64

# Rows among which copies are counted, at most.
MAX_COUNTED = 2_000

# Different codes that a support is fitted on, at least.
MIN_PLACES = 3

# Numbers in the widest layer of a chunk at inference: larger ones fall out of caches.
CHUNK_SIZE = 2**20


class Decay(NamedTuple):
    """Of the weights of the hidden layers; infinite if these are to be left out."""

    alpha: float
    encoder_share: float = 1.0  # of the decoder's decay
    power: float = 1.5  # of the ratio of `DECAY_ROWS` to the rows at hand if these are more

    @property
    def is_infinite(self):
        """Whether only the linear paths remain."""
        return math.isinf(self.alpha)

    def times(self, factor):
        """So many times the decay."""
        return self._replace(alpha=factor * self.alpha)

    def for_rows(self, n_rows):
        """By network: the more rows there are, the more they can say against PCA."""
        ratio = DECAY_ROWS / n_rows
        weight = ratio ** (DECAY_POWER if ratio > 1 else self.power)
        decay = 0.0 if self.is_infinite else self.alpha * weight
        return {"encoder": self.encoder_share * decay, "decoder": decay}


class BaseAutoencoder(
    ClassNamePrefixFeaturesOutMixin, CallbackSupportMixin, TransformerMixin, BaseEstimator
):
    """Frame of the estimators; see `AutoencoderTransformer` for the parameters."""

    _parameter_constraints = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "decoder_hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
            None,
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "likelihood": [StrOptions(set(LIKELIHOODS))],
        "noise": [Interval(Real, 0, None, closed="left")],
        "alpha": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
        "solver": [StrOptions(set(OPTIMIZERS))],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "warm_start": ["boolean"],
        "shuffle": ["boolean"],
        "encoder": [callable, None],
        "decoder": [callable, None],
        "latent_sampler": [StrOptions(set(LATENT_SAMPLERS)), HasMethods(["fit", "sample"])],
        "device": [str, torch.device],
        "callbacks": [list, tuple, None],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    # The net and its module; the variational ones differ.
    _net_class = AutoencoderNet
    _module_class = Autoencoder
    _objective_class = Objective
    # Columns of the encoder's output for each component.
    _n_outputs = 1
    # Whether rows have posteriors, for laws that are made of them.
    _has_posteriors = False

    # ------------------------------------------------------------------ fitting

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, *, sample_weight=None):
        """Train the encoder and the decoder to reconstruct X.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            Training rows. Large memory maps are read in batches and never copied. What is fitted
            has their precision, float32 or float64; steps on batches of them are computed
            in float32, steps on all of them, and those of own networks, in that of X.
        y : array-like of shape (n_samples,), default=None
            Not used in training: the target is X itself. Class labels are kept for
            ``latent_sampler='class_conditional'``; any other y is ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of every row in the objective, relative to their mean; rows of weight 0, or
            of less than 5e-32 of the largest, are left out.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        hooks = self._begin_fit_task(X, y, sample_weight)
        with restored_on_error(self):
            # A model that stayed at PCA has nothing to go on from.
            resume = self.warm_start and hasattr(self, "net_") and not self._decay.is_infinite
            self._train(X, sample_weight, resume, y=y, hooks=hooks)
            if hooks is not None:
                hooks.end_fit()
            for message in self._complaints():
                warnings.warn(message, ConvergenceWarning, stacklevel=3)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, *, sample_weight=None):
        """Train for one epoch on X, from where the last call left off.

        The first call sets the centre and the scale of the features from its X. The
        step size is ``learning_rate_init`` throughout. ``noise_variance_`` and
        ``latent_sampler_`` describe the X of the last call.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            Rows to train on.
        y : array-like of shape (n_samples,), default=None
            Not used in training: the target is X itself. Class labels are kept for
            ``latent_sampler='class_conditional'``; any other y is ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of every row in the objective, relative to their mean; rows of weight 0, or
            of less than 5e-32 of the largest, are left out.

        Returns
        -------
        self : object
            The estimator, trained further. Ctrl-C raises KeyboardInterrupt, and leaves an
            estimator that holds the steps done.
        """
        if self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True.")
        with restored_on_error(self):
            self._train(X, sample_weight, hasattr(self, "net_"), y=y, one_epoch=True)
        if self.net_.interrupted == "keyboard":
            raise KeyboardInterrupt  # the caller's loop over blocks is to end too
        return self

    def _begin_fit_task(self, X, y, sample_weight):
        """Tell scikit-learn's callbacks, where it has them, that fit begins."""
        context = self._init_callback_context(max_subtasks=self.max_iter)
        if context is None:
            return None
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        hooks = FitTasks(context, estimator=self, X=X, y=X if y is None else y, metadata=metadata)
        hooks.begin_fit()
        return hooks

    def _train(self, X, sample_weight, resume, *, y=None, one_epoch=False, hooks=None):
        """Train a new net, or a copy of ``net_``, and record the result."""
        X = check_rows(self, X, reset=not resume)
        self._check_range(X, self.likelihood)
        if resume:
            self._check_resumable()
        device = check_device(self.device)
        law = self._checked_law()
        labels = class_labels(y, X.shape[0]) if takes_labels(law) else None
        user_callbacks = check_callbacks(self.callbacks, self.early_stopping)
        seed = as_random_state(self.random_state).randint(2**31 - 1)
        rows, held_out = self._split(X, sample_weight, seed)
        if resume:
            # Not to replay the permutations of the epochs before.
            seed = (seed + self.n_iter_) % 2**31
        with seeded(seed, device):
            with limited_threads(0):
                net = copy.deepcopy(self.net_) if resume else self._build_net(rows, device, seed)
                decay = self._chosen_decay(net.module_, rows, seed, resume, one_epoch)
            if decay.is_infinite:
                net.module_.straighten()
            record = partial(
                self._fitted_attributes,
                rows=rows,
                labels=labels,
                law=law,
                seed=seed,
                resume=resume,
                decay=decay,
            )
            if hooks is not None:
                hooks.fitted_attributes = lambda net: record(net.snapshot())
                user_callbacks.insert(0, (f"{OWN}fit_tasks", hooks))
            self._prepare(net, rows, held_out, user_callbacks, resume, one_epoch, seed, decay)
            net.set_precision(self._precision(net, len(rows)))
            with limited_threads(work(net.module_, net.batch_size)):
                net.partial_fit(rows)
                attributes = record(net.trim())
        vars(self).update(attributes)

    @staticmethod
    def _precision(net, n_rows):
        """That of X where a step sees all rows; the noise of batches is far above rounding.

        Own networks keep what they were built with.
        """
        module = net.module_
        is_exact = n_rows <= net.batch_size or module.own_encoder or module.own_decoder
        return module.standardize.center.dtype if is_exact else torch.float32

    def _checked_law(self):
        """The name of the latent law or an unfitted clone; raises for one that rows cannot fit."""
        law = check_latent_sampler(self.latent_sampler)
        if is_posterior(law) and not self._has_posteriors:
            raise ValueError(
                f"latent_sampler={law!r} takes a variational model, whose rows have posteriors. "
                f"Got {type(self).__name__} instead; try 'gmm' or 'kde'."
            )
        return law

    def _check_resumable(self):
        """Raise if a parameter that trained networks cannot change has another value."""
        for name, value in self._design().items():
            fitted = self._fitted_design[name]
            if value != fitted:
                raise ValueError(
                    f"Training cannot go on with another {name}. Expected {name}={fitted!r}, as "
                    f"fitted. Got {value!r} instead; fit a clone to start anew."
                )

    def _design(self):
        """What the networks and the optimizer are built from."""
        encoding, decoding = self._layer_sizes()
        own = "a module of your own"
        return {
            "n_components": int(self.n_components),
            "likelihood": self.likelihood,
            "hidden_layer_sizes": encoding,
            "decoder_hidden_layer_sizes": decoding,
            "activation": self.activation,
            "solver": self.solver,
            "encoder": self.encoder if self.encoder is None else own,
            "decoder": self.decoder if self.decoder is None else own,
        }

    def _split(self, X, sample_weight, seed):
        """Rows to train on, and rows held out for early stopping or None."""
        weights, used = check_weights(sample_weight, X)
        if not self.early_stopping:
            return Rows(X, weights, used), None
        used = np.arange(X.shape[0]) if used is None else used
        try:
            trained, held_out = train_test_split(
                used, test_size=self.validation_fraction, random_state=seed
            )
        except ValueError:
            raise ValueError(
                f"validation_fraction={self.validation_fraction!r} leaves no row to train on. "
                f"Got {len(used)} rows; give more, or set early_stopping=False."
            ) from None
        return Rows(X, weights, np.sort(trained)), Rows(X, weights, np.sort(held_out))

    def _build_net(self, rows, device, seed):
        """An untrained net for the rows, on the device."""
        optimizer, options = OPTIMIZERS[self.solver]
        options = {"fused": device.type in ("cpu", "cuda"), **options}
        net = self._net_class(
            module=self._module_class,
            **_prefixed("module", self._module_arguments(rows, seed)),
            criterion=self._objective_class,
            criterion__likelihood=self.likelihood,
            optimizer=optimizer,
            **_prefixed("optimizer", options),
            optimizer__param_groups=self._decay_groups(),
            iterator_train=Batches,
            iterator_valid=Batches,
            train_split=None,
            device=str(device),
            verbose=0,
        )
        return net.initialize()

    def _decay_groups(self):
        """What keeps its size, and the encoder's weights apart from the decoder's.

        Biases keep theirs, and so do the linear paths, which PCA has no decay of either.
        """
        own = {"encoder": self.encoder, "decoder": self.decoder}
        linear = [f"{name}.linear.weight" for name, module in own.items() if module is None]
        parts = {**dict.fromkeys(("*bias", *linear)), "encoder.*": "encoder"}
        return [(name, {"weight_decay": 0.0, "part": part}) for name, part in parts.items()]

    def _module_arguments(self, rows, seed):
        """Two networks, and the standardization between them and the units of X."""
        center, scale = center_and_scale(rows)
        encoding, decoding = self._layer_sizes()
        n_features, n_components = rows.X.shape[1], int(self.n_components)
        # Copied together, since the two may share weights.
        own_encoder, own_decoder = copy.deepcopy((self.encoder, self.decoder))
        network = partial(self._network, dtype=center.dtype)
        n_outputs = self._n_outputs * n_components
        encoder = network("encoder", own_encoder, (n_features, *encoding, n_outputs))
        decoder = network("decoder", own_decoder, (n_components, *decoding, n_features))
        if not any(p.requires_grad for m in (encoder, decoder) for p in m.parameters()):
            raise ValueError(
                "`encoder` and `decoder` must have at least one parameter to train. Got none with "
                "requires_grad=True."
            )
        arguments = {
            "encoder": encoder,
            "decoder": decoder,
            "center": center,
            "scale": scale,
            "link": LIKELIHOODS[self.likelihood].link(),
            "own_encoder": own_encoder is not None,
            "own_decoder": own_decoder is not None,
        }
        return {**arguments, **self._start(arguments, rows, n_components, seed)}

    def _start(self, arguments, rows, n_components, seed):
        """Bring the networks to their start; further arguments of the module."""
        if arguments["own_encoder"] or arguments["own_decoder"]:
            return {}
        likelihood = LIKELIHOODS[self.likelihood]
        return {"fitting_noise": start_at_pca(arguments, rows, likelihood, n_components, seed)}

    def _network(self, name, own, widths, dtype):
        """The user's module, or a perceptron of these widths."""
        if own is None:
            return Perceptron(widths, self.activation, self._first_gain).to(dtype)
        return user_module(name, own, widths[0], widths[-1], dtype)

    def _layer_sizes(self):
        """Hidden layer sizes of the encoder and of the decoder, its mirror image by default."""
        encoding = check_layer_sizes("hidden_layer_sizes", self.hidden_layer_sizes)
        if self.decoder_hidden_layer_sizes is None:
            return encoding, encoding[::-1]
        decoding = self.decoder_hidden_layer_sizes
        return encoding, check_layer_sizes("decoder_hidden_layer_sizes", decoding)

    @property
    def _is_linear(self):
        """Whether built-in networks are."""
        return self.activation == "identity" or not any(map(len, self._layer_sizes()))

    def _objective(self, module, rows, seed):
        """What training on the rows minimizes."""
        return Objective(self.likelihood)

    def _chosen_decay(self, module, rows, seed, resume, one_epoch):
        """The decay of this run of training."""
        if self.alpha != "auto":
            return self._auto_decay._replace(alpha=self.alpha, encoder_share=1.0)
        # Whether the model is to stay at PCA is for every set of rows to say.
        if resume and not self._decay.is_infinite:
            return self._decay
        if one_epoch or not self._is_tried(rows):
            return self._auto_decay
        return self._tried_decay(module, rows, seed)

    def _is_tried(self, rows):
        """Whether to see first if held-out rows gain: where there are few, and PCA is at hand."""
        n_rows, n_features = len(rows), rows.X.shape[1]
        is_small = n_rows <= MAX_TRIED_ROWS and n_rows * n_features <= MAX_TRIED_NUMBERS
        is_built_in = self.encoder is None and self.decoder is None
        is_curved = any(map(len, self._layer_sizes()))
        return is_small and is_curved and is_built_in and not self._asks_for_noise

    @property
    def _asks_for_noise(self):
        """Whether a model of noisy input is asked for, which need not be the best of other."""
        return self.noise not in ("auto", 0)

    def _trial(self, kind, seed, decay, **further):
        """What is tried with a decay; ``kind`` is the class of it."""
        return kind(
            likelihood=self.likelihood,
            activation=self.activation,
            n_components=int(self.n_components),
            first_gain=self._first_gain,
            decays=decay.for_rows,
            seed=seed,
            **further,
        )

    def _batch_size_for(self, n_rows):
        """Four batches or more, unless they get too small."""
        if self.batch_size != "auto":
            return self.batch_size
        return min(MAX_BATCH, max(MIN_BATCH, -(-n_rows // 4)), n_rows)

    def _prepare(self, net, rows, held_out, user_callbacks, resume, one_epoch, seed, decay):
        """Set what may differ from run to run: budget, step size, callbacks."""
        max_epochs = 1 if one_epoch else self.max_iter
        # Nobody knows how many calls of partial_fit are to come.
        n_epochs = math.inf if one_epoch else self.max_iter + (self.n_iter_ if resume else 0)
        batch_size = self._batch_size_for(len(rows))
        n_steps = max_epochs * len(Batches(rows, batch_size))
        net.prepare(
            objective=self._objective(net.module_, rows, seed),
            noise=0.0 if decay.is_infinite else self._noise_level(net.module_, n_epochs),
            lr=0.0 if decay.is_infinite else self.learning_rate_init,
            decays=decay.for_rows(rows.n_different(MAX_COUNTED, seed)),
            shuffle=self.shuffle,
            batch_size=batch_size,
            max_epochs=max_epochs,
            valid_rows=held_out,
            callbacks=training_callbacks(
                user_callbacks,
                n_steps=None if one_epoch else n_steps,
                monitor="objective" if held_out is None else "valid_loss",
                tol=self.tol,
                patience=self.n_iter_no_change,
                verbose=bool(self.verbose),
                try_start=not (self._asks_for_noise or one_epoch or held_out is not None),
                stays=decay.is_infinite,
                **({} if one_epoch else self._further_callbacks(n_steps)),
            ),
        )

    def _noise_level(self, module, n_epochs):
        """Of the input in training, where rows are seen so many times in all."""
        return self.noise

    def _further_callbacks(self, n_steps):
        """What the model adds to `training_callbacks`."""
        return {}

    def _fitted_attributes(self, net, rows, labels, law, seed, resume, decay):
        """Attributes of the estimator whose (trimmed) net was trained on the rows."""
        sample = rows.subsample(MAX_SUMMARY_ROWS, seed)
        drawn = _drawn_rows(sample, seed)
        codes, loss, summary = self._summary(net, sample, drawn, seed)
        return {
            **self._curves(net, loss, resume),
            **summary,
            "net_": net,
            "_n_features_out": codes.shape[1],
            "_fitted_design": self._design(),
            "_decay": decay,
            "alpha_": float(decay.alpha),
            "_work": work(net.module_, net.batch_size),
            "_codes": codes[drawn],
            "_labels": None if labels is None else labels[sample.index][drawn],
            "_seed": seed,
            "_unfitted_law": law,
            "_law": None,
            "_support": None,
        }

    def _summary(self, net, sample, drawn, seed):
        """Codes and loss of (a sample of) the training rows, and what the model says of them.

        ``drawn`` indexes those whose codes the latent law is fitted on.
        """
        loss = net.mean_loss(self._decoded(sample, seed))
        net.check_finite(loss)
        likelihood = LIKELIHOODS[self.likelihood]
        codes = net.codes(sample)
        summary = {
            "noise_": float(net.module_.noise),
            "noise_variance_": noise_variance(net.module_, likelihood, loss),
        }
        return codes, loss, summary

    @staticmethod
    def _decoded(sample, seed):
        """Rows of many features say more of the loss: fewer are decoded."""
        return sample.subsample(max(MIN_DECODED, MAX_DECODED // sample.X.shape[1]), seed)

    def _curves(self, net, loss, resume):
        """Losses and scores epoch by epoch, in units of X, those of resumed runs joined on."""
        in_units = partial(net.criterion_.in_units, module=net.module_)
        losses = [in_units(value) for value in net.epoch_losses("train_loss") or [loss]]
        scores = [-in_units(value) for value in net.epoch_losses("valid_loss")]
        objectives = net.epoch_losses("objective") or [loss]
        kept = np.argmax(scores) if scores else np.argmin(objectives)
        earlier_losses, earlier_scores, earlier_epochs = [], [], 0
        if resume:
            earlier_losses, earlier_epochs = self.loss_curve_, self.n_iter_
            earlier_scores = self.validation_scores_ or []
        return {
            "n_iter_": earlier_epochs + len(net.history),
            "loss_": losses[kept] if math.isinf(net.start_loss) else in_units(net.start_loss),
            "loss_curve_": earlier_losses + losses,
            "validation_scores_": earlier_scores + scores or None,
            "best_validation_score_": max(scores, default=None),
        }

    def _complaints(self):
        """What to warn of after training."""
        if self.net_.interrupted == "keyboard":
            yield (
                f"Training interrupted by user in epoch {self.n_iter_}. The estimator holds the "
                "weights reached by then; fit again with more time, or with a smaller max_iter."
            )
        elif self.net_.interrupted is None and not self._came_to_rest():
            yield (
                f"Maximum iterations ({self.max_iter}) reached and the training hasn't converged "
                "yet. Increase max_iter, or tol if the loss is good enough."
            )

    def _came_to_rest(self):
        losses = self.net_.epoch_losses("valid_loss" if self.early_stopping else "train_loss")
        return at_rest(losses, self.n_iter_no_change, self.tol)

    @staticmethod
    def _check_range(X, likelihood):
        if likelihood == "bernoulli":
            check_unit_interval(X)

    @property
    def _likelihood(self):
        """The likelihood fitted, which `set_params` leaves alone."""
        return self.net_.criterion_.likelihood

    # ------------------------------------------------------- using what was fitted

    def transform(self, X):
        """Encode X.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            Rows to encode.

        Returns
        -------
        X_latent : ndarray of shape (n_samples, n_components)
            The codes, in the dtype of X (float64 for integers and booleans).
        """
        module = self._module
        X = check_rows(self, X, reset=False)
        return self._infer(module.public_encoder(), X, self._n_features_out)

    def inverse_transform(self, X):
        """Decode points of the latent space: codes of rows, or any other points.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Points of the latent space.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            The means of the rows at these points, in units of the training data and in
            the dtype of X.
        """
        module = self._module
        X = check_codes(self, X, self._n_features_out)
        return self._infer(module.public_decoder(), X, self.n_features_in_)

    def sample(self, n_samples=1, *, y=None, supported_only=False, random_state=None):
        """Draw novel rows: points from the fitted latent law, decoded.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows to draw.
        y : label or array-like of shape (n_samples,), default=None
            Class of all rows, or of each: row i is drawn from the codes of class ``y[i]``.
            It takes ``latent_sampler='class_conditional'`` and class labels given to
            `fit`; with None, classes are as frequent as among the training rows.
        supported_only : bool, default=False
            Whether points that fall into gaps between the codes, by ``latent_support_``,
            are drawn again, from the same class if there is one. RuntimeError if some
            are still missing after 10 000 draws and 100 for each row.
        random_state : int, RandomState instance or None, default=None
            Seed of the draws; an int gives the same rows in every call. With None,
            every call gives other rows, and NumPy's global state is not touched.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Rows in units of the training data: the means at the points drawn, without
            the noise of the likelihood.
        """
        check_is_fitted(self)
        check_scalar(n_samples, "n_samples", Integral, min_val=1)
        wanted = (n_samples, self._n_features_out, random_state)
        if supported_only:
            codes = draw_supported(self.latent_sampler_, self.latent_support_, *wanted, y=y)
        else:
            codes = draw(self.latent_sampler_, *wanted, y=y)
        return self.inverse_transform(codes.astype(self._codes.dtype, copy=False))

    def interpolate(self, X0, X1, n_steps=10, *, method="linear"):
        """Rows on the way from X0 to X1 through the latent space.

        Parameters
        ----------
        X0, X1 : {array-like, CSR matrix} of shape (n_pairs, n_features)
            Rows to start from, and rows to go to.
        n_steps : int, default=10
            Number of rows on each path, with both ends.
        method : {'linear', 'spherical'}, default='linear'
            Straight paths between codes, or paths that turn about the origin of the latent
            space at a constant rate, see :func:`~skae.sampling.interpolate`.

        Returns
        -------
        X : ndarray of shape (n_pairs, n_steps, n_features)
            Decoded paths; the ends are the reconstructions of X0 and X1.
        """
        codes = self.transform(X0), self.transform(X1)
        return interpolate(*codes, n_steps, method=method, decode=self.inverse_transform)

    def score_samples(self, X):
        """Log-likelihood of every row given its own code, ``log p(x | z = transform(x))``.

        It measures reconstruction on the scale of the likelihood, with
        ``noise_variance_``; it is not the marginal ``log p(x)``.

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
        encode, decode = self.encoder_, self.net_.module_.output_decoder()
        log_density = LIKELIHOODS[self._likelihood].log_density

        def score(x):
            return log_density(x, decode(encode(x.clone())), self.noise_variance_)[:, None]

        return self._infer(score, X, 1)[:, 0]

    def score(self, X, y=None):
        """Mean of `score_samples` over the rows of X.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            Rows to score.
        y : Ignored
            Not used.

        Returns
        -------
        log_likelihood : float
            In nats for a row; higher is better.
        """
        return float(self.score_samples(X).mean())

    def _infer(self, function, X, n_columns, expansion=1):
        """Apply a function of tensors to chunks of rows; memory stays at the output's.

        ``expansion`` says how many rows the function makes of one.
        """
        module = self.net_.module_
        fitted = module.standardize.center
        # The user's modules may work in place: they get copies.
        own = module.own_encoder or module.own_decoder
        n_rows = max(1, self._block_size() // expansion)

        def apply(block):
            return function(as_tensor(block).to(fitted, copy=own)).cpu().numpy()

        # As at training, whatever the number of rows: their codes keep their bits.
        with torch.inference_mode(), no_autocast(fitted.device), limited_threads(self._work):
            if X.shape[0] <= n_rows and not own:  # whose output may be memory of the module's
                return apply(X).astype(X.dtype, copy=False)
            output = np.empty((X.shape[0], n_columns), dtype=X.dtype)
            for start in range(0, X.shape[0], n_rows):
                rows = slice(start, start + n_rows)
                output[rows] = apply(X[rows])
        return output

    def _block_size(self):
        """Rows that go through the networks at a time, at most."""
        design = self._fitted_design
        layers = (*design["hidden_layer_sizes"], *design["decoder_hidden_layer_sizes"])
        return max(1, min(8192, CHUNK_SIZE // max(self.n_features_in_, *layers, 1)))

    @property
    def _module(self):
        """The trained module."""
        if not hasattr(self, "net_"):
            check_is_fitted(self)  # collects tags, which takes as long as a small layer
        return self.net_.module_

    @property
    def encoder_(self):
        """Module from rows in units of X to codes."""
        return self._module.public_encoder().eval()

    @property
    def decoder_(self):
        """Module from codes to the means of rows, in units of X."""
        return self._module.public_decoder().eval()

    @property
    def latent_sampler_(self):
        """Density fitted on the codes when first asked for, so that `fit` need not wait."""
        check_is_fitted(self)
        if self._law is None:
            self._law = self._fit_law()
        return self._law

    def _fit_law(self):
        return fit_latent_sampler(self._unfitted_law, self._codes, self._seed, self._labels)

    @property
    def latent_support_(self):
        """Where the codes support draws; fitted when first asked for, too."""
        check_is_fitted(self)
        if self._support is None:
            # Codes drawn by weight come several times, which says nothing of their places.
            places = np.unique(self._codes, axis=0)
            if len(places) < MIN_PLACES:
                raise ValueError(
                    f"supported_only=True takes the support of at least {MIN_PLACES} different "
                    f"codes. Got {len(places)} from the training rows; leave it False."
                )
            from .metrics import LatentSupport  # slow to import, and seldom needed

            self._support = LatentSupport(random_state=self._seed).fit(places)
        return self._support

    def __sklearn_clone__(self):
        """A clone whose encoder and decoder share what the originals share."""
        twin = clone_parametrized(self)
        twin.encoder, twin.decoder = copy.deepcopy((self.encoder, self.decoder))
        return twin

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _prefixed(prefix, arguments):
    """Arguments of a component, as skorch wants them."""
    return {f"{prefix}__{name}": value for name, value in arguments.items()}


def noise_variance(module, likelihood, loss, floor=None):
    """Most likely noise variance in units of X, or None where the likelihood has none."""
    if likelihood.noise_variance is None:
        return None
    if floor is None:
        # Rows reconstructed exactly have no most likely variance: stop at rounding.
        floor = torch.finfo(module.standardize.center.dtype).eps
    return likelihood.noise_variance(max(loss, floor) * module.unit(likelihood))


def _drawn_rows(rows, seed):
    """All rows, or the indices of as many drawn from them in proportion to their weights."""
    weights = rows.row_weights
    if weights is None:
        return slice(None)
    share = weights.astype(np.float64) / weights.sum(dtype=np.float64)
    return np.random.RandomState(seed).choice(len(rows), len(rows), p=share)
