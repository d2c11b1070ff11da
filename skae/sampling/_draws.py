"""Draws from fitted laws: as they come, checked and shuffled, by class, supported only."""

import copy
import inspect

import numpy as np

from skae._validation import as_random_state

from ._class_conditional import spread_labels

__all__ = ["draw", "draw_supported", "raw_draws"]

# Draws that may be made until all are supported, in all and for each one asked for.
FREE_DRAWS, DRAWS_FOR_EACH = 10_000, 100

# Draws made at a time, at least: fewer would not be faster.
MIN_BATCH = 256


def raw_draws(law, n_samples, random_state, **options):
    """What a fitted law draws, as it is.

    Laws whose ``sample`` takes no ``random_state`` draw from the one they were built
    with (GaussianMixture): a shallow copy is given another. Laws that return more than
    the draws (GaussianMixture: the components too) have the draws first. Options go to
    ``sample``.
    """
    rng = as_random_state(random_state)
    if "random_state" in inspect.signature(law.sample).parameters:
        draws = law.sample(n_samples, random_state=rng, **options)
    else:
        law = copy.copy(law)
        law.random_state = rng
        draws = law.sample(n_samples, **options)
    return np.asarray(draws[0] if isinstance(draws, tuple) else draws)


def draw(law, n_samples, n_components, random_state, *, y=None, name="latent_sampler"):
    """Array of shape (n_samples, n_components) of draws from a fitted law.

    In random order, as those of a mixture do not come by themselves; or, with y, row i of
    class y[i]. Errors call the law ``name``.
    """
    rng = as_random_state(random_state)
    draws = raw_draws(law, n_samples, rng, **_by_class(law, y, n_samples, name))
    if draws.shape != (n_samples, n_components):
        raise ValueError(
            f"{name} must draw codes of shape ({n_samples}, {n_components}). "
            f"Got draws of shape {draws.shape} from {law!r} instead."
        )
    return draws[rng.permutation(n_samples)] if y is None else draws


def _by_class(law, y, n_samples, name):
    """Options of ``sample`` that ask for classes; raises for laws that know none."""
    if y is None:
        return {}
    if "y" not in inspect.signature(law.sample).parameters:
        raise ValueError(
            f"y asks for classes, which {name}='class_conditional' draws by, fitted with class "
            f"labels. Got {law!r} instead."
        )
    return {"y": spread_labels(y, n_samples)}


def draw_supported(law, support, n_samples, n_components, random_state, *, y=None):
    """Draws from a fitted law, those in gaps rejected and drawn again.

    Parameters
    ----------
    law : fitted estimator with ``sample``
    support : LatentSupport
        Says by ``predict`` which draws lie among codes.
    n_samples, n_components : int
        Shape of what is asked for.
    random_state : int, RandomState instance or None
    y : label or array of shape (n_samples,), optional
        Classes asked for; a draw is drawn again from its class.

    Returns
    -------
    draws : ndarray of shape (n_samples, n_components)
    """
    rng = as_random_state(random_state)
    labels = None if y is None else spread_labels(y, n_samples)
    codes, missing = np.empty((n_samples, n_components)), np.arange(n_samples)
    n_drawn, allowed = 0, FREE_DRAWS + DRAWS_FOR_EACH * n_samples
    while len(missing) and n_drawn < allowed:
        # Several draws for each row that is missing, so that the last take few rounds.
        rows = np.resize(missing, max(len(missing), MIN_BATCH))
        classes = None if labels is None else labels[rows]
        draws = draw(law, len(rows), n_components, rng, y=classes)
        is_supported = support.predict(draws) == 1
        codes[rows[is_supported]] = draws[is_supported]
        missing = np.setdiff1d(missing, rows[is_supported])
        n_drawn += len(rows)
    if len(missing):
        raise RuntimeError(_too_few(n_samples, missing, n_drawn, labels))
    return codes


def _too_few(n_samples, missing, n_drawn, labels):
    """What to say when draws keep falling into gaps."""
    classes = "" if labels is None else f", all of them of {np.unique(labels[missing]).tolist()}"
    return (
        f"Only {n_samples - len(missing)} of {n_samples} draws were supported by codes after "
        f"{n_drawn} were drawn; {len(missing)} are missing{classes}. Try a latent_sampler that "
        "follows the codes, such as 'gmm' or 'kde', fewer components, or supported_only=False."
    )
