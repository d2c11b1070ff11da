"""What can be had from a fitted estimator: codes, decoder, law of its own."""

import warnings

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils import Bunch, check_array

from skae.metrics._estimators import (
    decoder_of,
    final_step,
    latent_codes,
    own_law,
    posterior_of,
)

__all__ = ["COMMON_SAMPLERS", "describe"]

# Laws that every latent space is tried with, beside its own.
COMMON_SAMPLERS = ("box", "normal", "standard_normal", "interpolate")


def describe(estimator, X, seed):
    """Codes, means, decoder, law and name of a fitted transformer or pipeline.

    Returns
    -------
    Bunch with ``codes``, ``means`` and ``std`` (or None) of shape (n_samples, n_components),
    ``decode`` (callable or None), ``law`` (`NamedLaw` or None) and ``name``
    """
    codes = latent_codes(estimator, X, random_state=seed)
    last = final_step(estimator)
    samples = hasattr(last, "sample_posterior")
    posterior = posterior_of(estimator, X)
    return Bunch(
        codes=codes,
        means=np.asarray(estimator.transform(X)) if samples else codes,
        std=None if posterior is None else posterior[1],
        decode=_working_decoder(estimator, codes),
        law=own_law(estimator),
        name=type(last).__name__,
    )


def _working_decoder(estimator, codes):
    """The decoder if it makes a table of finite numbers of two codes, else None.

    Many transformers have an ``inverse_transform`` that works for some settings only, each
    with errors of its own (KernelPCA, SimpleImputer), or gives text (TfidfVectorizer).
    """
    decode = decoder_of(estimator)
    if decode is None:
        return None
    try:
        check_array(decode(codes[:2]))
    except Exception as error:
        if not isinstance(error, (AttributeError, NotFittedError, NotImplementedError)):
            warnings.warn(
                f"inverse_transform does not work ({error}): what needs a decoder is left out.",
                UserWarning,
                stacklevel=4,
            )
        return None
    return decode
