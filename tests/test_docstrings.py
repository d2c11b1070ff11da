"""Public docstrings are numpydoc, and say all there is to say."""

import inspect

import pytest
from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import validate

from skae import AutoencoderTransformer

METHODS = [
    "fit", "partial_fit", "transform", "inverse_transform", "sample", "score_samples", "score",
]  # fmt: skip

# A method needs no example, no cross-reference and no second paragraph; what it returns is
# named, as scikit-learn names it.
OPTIONAL = {"EX01", "SA01", "ES01", "RT02"}


@pytest.mark.parametrize("name", METHODS)
def test_method_docstrings(name):
    report = validate(f"skae.AutoencoderTransformer.{name}")
    assert [error for error in report["errors"] if error[0] not in OPTIONAL] == []


def test_class_docstring():
    report = validate("skae.AutoencoderTransformer")
    assert [error for error in report["errors"] if error[0] not in {"GL01", "ES01"}] == []


def test_parameters_are_documented_in_order_with_their_defaults():
    doc = NumpyDocString(inspect.getdoc(AutoencoderTransformer))
    documented = {
        name.strip(): entry.type for entry in doc["Parameters"] for name in entry.name.split(",")
    }
    parameters = list(inspect.signature(AutoencoderTransformer.__init__).parameters.values())[1:]
    assert list(documented) == [p.name for p in parameters]
    for parameter in parameters:
        default = documented[parameter.name].split("default=")[1]
        assert eval(default, {}) == parameter.default, parameter.name


def test_fitted_attributes_are_documented(quick, digits):
    est = quick(tol=1e9, n_iter_no_change=1).fit(digits)
    doc = NumpyDocString(inspect.getdoc(AutoencoderTransformer))
    documented = {entry.name for entry in doc["Attributes"]}
    fitted = {name for name in dir(est) if name.endswith("_") and not name.startswith("_")}
    assert fitted == documented - {"feature_names_in_"}
