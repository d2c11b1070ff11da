"""The site names all there is, leads where it says, and its snippets run."""

import re
import runpy
from pathlib import Path
from pydoc import locate

import pytest

import skae
from skae import inspection, metrics, sampling

DOCS = Path(__file__).parents[1] / "docs"
INVENTORIES = sorted((DOCS / "inventories").glob("*.txt"))


def test_every_public_object_is_on_an_api_page():
    module, listed = None, []
    for line in (DOCS / "api" / "index.rst").read_text().splitlines():
        if line.startswith(".. module::"):
            module = line.split()[-1]
        elif re.fullmatch(r"   \w+", line):
            listed.append(locate(f"{module}.{line.strip()}"))
    public = {
        getattr(package, name)
        for package in (skae, inspection, metrics, sampling)
        for name in package.__all__
        if not name.startswith("__")
    }
    assert len(listed) == len(public)
    assert set(listed) == public


def test_every_example_has_its_place_in_the_gallery():
    story = runpy.run_path(str(DOCS / "gallery_order.py"))["STORY"]
    assert sorted(story) == sorted(path.name for path in DOCS.parent.glob("examples/*.py"))


def test_snippet_of_the_first_page():
    """It has no prompts; those with prompts are doctests."""
    snippets = re.findall(r"\.\. code-block:: python\n\n((?:   .*\n|\n)+)", read("index.rst"))
    names = {}
    for snippet in snippets:
        exec(re.sub("^   ", "", snippet, flags=re.MULTILINE), names)
    assert names["Z"].shape == (1797, 2)
    assert names["X_new"].shape == (2, 64)


def read(page):
    return (DOCS / page).read_text()


def test_only_the_start_page_has_snippets_without_prompts():
    pages = [path for folder in (DOCS, DOCS / "guide") for path in folder.glob("*.rst")]
    with_snippets = {path.name for path in pages if "code-block:: python" in path.read_text()}
    assert with_snippets == {"index.rst"}


@pytest.mark.parametrize("inventory", INVENTORIES, ids=lambda path: path.stem)
def test_links_to_other_projects_are_of_what_they_have(inventory):
    for row in inventory.read_text().splitlines():
        name, role = row.split()[:2]
        if role.startswith("py:"):
            assert locate(name) is not None or name == "None", name


def test_dead_links_are_found(tmp_path):
    dead_links = runpy.run_path(str(DOCS / "check_links.py"))["dead_links"]
    (tmp_path / "a.html").write_text('<h1 id="here"></h1><a href="b.html#there">b</a>')
    (tmp_path / "b.html").write_text('<h1 id="there"></h1><a href="https://x.org/none">web</a>')
    assert list(dead_links(tmp_path)) == []
    (tmp_path / "b.html").write_text('<a href="#there"></a><img src="no.png"><a href="a.html">')
    assert {(str(page), link) for page, link in dead_links(tmp_path)} == {
        ("a.html", "b.html#there"),
        ("b.html", "#there"),
        ("b.html", "no.png"),
    }


def numbers_by_data(text, row):
    """Numbers by data set, of the tables in a text; ``row`` matches a row's name and its rest."""
    numbers = {
        name.strip(): [float(number) for number in re.findall(r"\b0\.\d{3}\b", rest)]
        for name, rest in re.findall(row, text)
    }
    return {name: found for name, found in numbers.items() if found}


def test_tables_of_quality_agree():
    rows = r"   \* - ([\w, ]+)\n((?:     - .*\n)+)"
    full = numbers_by_data(read("guide/comparison.rst"), rows)
    short = numbers_by_data(read("start.rst"), rows)
    readme = (DOCS.parent / "README.md").read_text()
    assert len(short) == 6
    for name, (pca, ours, other) in short.items():
        assert [pca, ours] == full[name][:2]
        assert other == max(full[name][2:])
    assert short == {
        name: numbers
        for name, numbers in numbers_by_data(readme, r"\| ([\w, ]+) \|(.*)\n").items()
        if name in short
    }
