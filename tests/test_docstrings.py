"""Public docstrings are numpydoc, and say all there is to say."""

import importlib
import inspect

import pytest
from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import validate

from skae import AutoencoderTransformer

MODULES = ["skae", "skae.metrics", "skae.inspection", "skae.sampling"]


def public_objects():
    """Dotted names of public classes and functions, without what is there twice."""
    seen = set()
    for module in MODULES:
        for name in importlib.import_module(module).__all__:
            item = getattr(importlib.import_module(module), name)
            if callable(item) and item not in seen:
                seen.add(item)
                yield f"{module}.{name}", item


OBJECTS = dict(public_objects())
CLASSES = {name: item for name, item in OBJECTS.items() if inspect.isclass(item)}
# Those that scikit-learn's base classes bring have its docstrings.
METHODS = [
    f"{name}.{method}"
    for name, item in CLASSES.items()
    for method, function in inspect.getmembers(item, callable)
    if not method.startswith("_") and function.__module__.startswith("skae")
]

# A method needs no example, no cross-reference and no second paragraph; what it returns is
# named, as scikit-learn names it. SS05 takes nouns in the plural for verbs.
OPTIONAL = {"EX01", "SA01", "ES01", "RT02", "SS05"}


def errors_of(name, optional):
    return [error for error in validate(name)["errors"] if error[0] not in optional]


@pytest.mark.parametrize("name", METHODS)
def test_method_docstrings(name):
    assert errors_of(name, OPTIONAL) == []


@pytest.mark.parametrize("name", OBJECTS)
def test_docstrings(name):
    optional = {"GL01", "ES01", "SS05"} if name in CLASSES else {"GL01", "ES01", "SS05", "RT02"}
    assert errors_of(name, optional) == []


def documented_parameters(item):
    """Parameters and their types, names that stand together taken apart."""
    return {
        name.strip(" *"): entry.type
        for entry in NumpyDocString(inspect.getdoc(item))["Parameters"]
        for name in entry.name.split(",")
    }


@pytest.mark.parametrize("name", [*OBJECTS, *METHODS])
def test_parameters_are_documented_in_order_with_their_defaults(name):
    item = resolve(name)
    documented = documented_parameters(item)
    parameters = [p for p in inspect.signature(item).parameters.values() if p.name != "self"]
    assert list(documented) == [p.name for p in parameters]
    for parameter in parameters:
        if parameter.default is not parameter.empty and documented[parameter.name] != "Ignored":
            default = documented[parameter.name].split("default=")[1]
            assert eval(default, {}) == parameter.default, parameter.name


def resolve(name):
    """The object of a dotted name."""
    module = max((m for m in MODULES if name.startswith(f"{m}.")), key=len)
    item = importlib.import_module(module)
    for part in name.removeprefix(f"{module}.").split("."):
        item = getattr(item, part)
    return item


def test_fitted_attributes_are_documented(quick, digits):
    est = quick(tol=1e9, n_iter_no_change=1).fit(digits)
    doc = NumpyDocString(inspect.getdoc(AutoencoderTransformer))
    documented = {entry.name for entry in doc["Attributes"]}
    fitted = {name for name in dir(est) if name.endswith("_") and not name.startswith("_")}
    assert fitted == documented - {"feature_names_in_"}
