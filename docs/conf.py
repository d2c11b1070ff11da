"""Configuration of the Sphinx site. `make docs` builds it, without a network."""

import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

from inventories import write_inventories  # noqa: E402

import skae  # noqa: E402

project = "skae"
author = "The skae developers"
copyright = "The skae developers, BSD-3 licence"
release = version = skae.__version__

extensions = [
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "myst_parser",
]
times = "sg_execution_times.rst"  # of examples; its scripts come from the web
exclude_patterns = ["_build", times, f"auto_examples/{times}"]
templates_path = ["_templates"]
nitpicky = True
default_role = "obj"
# Words that scikit-learn's docstrings set in single backticks.
nitpick_ignore_regex = [("py:obj", r"X|y|fit_params|\".*\"|\[\"class_name.*")]
suppress_warnings = ["myst.header"]  # the changelog's title stands on our page

# -- API ----------------------------------------------------------------------------------

autosummary_generate = True
autodoc_typehints = "none"
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False  # the template has them, with their docstrings
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"  # words without an alias stay words

# -- Other projects -----------------------------------------------------------------------

intersphinx_mapping = write_inventories(DOCS / "_build" / "inventories")

# -- Gallery ------------------------------------------------------------------------------

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "backreferences_dir": "api/backreferences",
    "doc_module": ("skae",),
    "capture_repr": (),
    "inspect_global_variables": False,
    "remove_config_comments": True,
    "within_subsection_order": "gallery_order.StoryOrder",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 1,
    "parallel": 2,
}

# -- HTML ---------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = "skae"
html_favicon = "_static/skae.svg"
html_context = {"default_mode": "auto"}
html_static_path = ["_static"]
html_css_files = ["skae.css"]
html_show_sourcelink = False
html_sidebars = {page: [] for page in ("start", "changelog")}  # pages without neighbours
html_copy_source = False
html_theme_options = {
    "logo": {"text": "skae", "image_light": "_static/skae.svg", "image_dark": "_static/skae.svg"},
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
