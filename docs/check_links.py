"""Says which links within the built site lead nowhere: `python docs/check_links.py FOLDER`."""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlparse


class Page(HTMLParser):
    """The links of a page, and the places in it that links may lead to."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors = set(), {"", "top"}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        """Note the names and the links of one element."""
        attributes = dict(attributes)
        self.anchors |= {attributes.get("id"), attributes.get("name")}
        # Those with a scheme lead out of the site.
        links = {attributes.get("href"), attributes.get("src")} - {None}
        self.links |= {link for link in links if not urlparse(link).scheme}


def dead_links(site):
    """Pairs of a page and a link of it without a target."""
    templates = site / "_static"  # of the theme; no pages
    paths = [path for path in sorted(site.rglob("*.html")) if templates not in path.parents]
    pages = {path: Page(path) for path in paths}
    for path, page in pages.items():
        for link in sorted(page.links):
            address, anchor = urldefrag(link)
            target = (path.parent / unquote(urlparse(address).path)).resolve() if address else path
            found = target.exists()
            if found and target in pages and anchor:
                found = unquote(anchor) in pages[target].anchors
            if not found:
                yield path.relative_to(site), link


if __name__ == "__main__":
    site = Path(sys.argv[1]).resolve()
    dead = [f"{page}: {link}" for page, link in dead_links(site)]
    print("\n".join(dead) if dead else f"no dead links within {site.name}")
    sys.exit(bool(dead))
