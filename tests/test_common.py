"""Every check that scikit-learn runs on its own estimators, with no expected failure."""

import pytest
import sklearn
from sklearn.base import clone
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from skae import AutoencoderTransformer, VariationalAutoencoderTransformer

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ESTIMATORS = [
    AutoencoderTransformer(),
    AutoencoderTransformer(hidden_layer_sizes=(), activation="identity", alpha=0),
    # With the default alpha the checks' random rows would leave it at PCA.
    AutoencoderTransformer(n_components=10, alpha=0.01, max_iter=20),
    AutoencoderTransformer(
        likelihood="laplace", activation="tanh", latent_penalty="l2", max_iter=20
    ),
    VariationalAutoencoderTransformer(),
]

# Run by scikit-learn on its own estimators, but not part of `parametrize_with_checks`. They are
# about what goes in and out, for which a few epochs do, without trials before them.
QUICK = [clone(estimator).set_params(max_iter=10) for estimator in ESTIMATORS]
for estimator in QUICK:
    if estimator.alpha == "auto":
        estimator.set_params(alpha=0.01)
FURTHER_CHECKS = [
    "check_dataframe_column_names_consistency",
    "check_estimators_partial_fit_n_features",
    "check_get_feature_names_out_error",
    "check_global_output_transform_pandas",
    "check_global_set_output_transform_polars",
    "check_inplace_ensure_writeable",
    "check_param_validation",
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
]

# Checks that the generator yields, by minor release of scikit-learn.
N_CHECKS = {"1.7": 54, "1.9": 55}


@parametrize_with_checks(ESTIMATORS)
def test_sklearn_checks(estimator, check):
    check(estimator)


# The set_output checks mix DataFrames and arrays, on purpose.
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.filterwarnings("ignore:X has feature names")
@pytest.mark.parametrize("name", FURTHER_CHECKS)
@pytest.mark.parametrize("estimator", QUICK, ids=str)
def test_further_sklearn_checks(estimator, name):
    getattr(estimator_checks, name)(type(estimator).__name__, estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_no_check_is_missing(estimator):
    minor = ".".join(sklearn.__version__.split(".")[:2])
    n_checks = len(list(estimator_checks_generator(estimator)))
    assert n_checks >= N_CHECKS.get(minor, 54)
    if minor in N_CHECKS:
        assert n_checks == N_CHECKS[minor]


def test_check_estimator_skips_and_fails_nothing():
    quick = AutoencoderTransformer(max_iter=5, hidden_layer_sizes=8, alpha=0.01)
    results = estimator_checks.check_estimator(quick, on_fail=None, on_skip=None)
    assert {result["status"] for result in results} == {"passed"}
