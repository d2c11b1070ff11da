"""Opens the built site as a reader would: `python docs/look.py SITE PICTURES`.

Every page is opened in headless Chromium, in a narrow and in a wide window, served from this
machine. Errors on the console, failed requests and what is wider than the page are reported;
pictures of the pages go to a folder, to be looked at. Needs `playwright`, and Chromium:
the one named by the environment variable CHROMIUM, or playwright's own.
"""

import functools
import os
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import sync_playwright

WINDOWS = {"narrow": (390, 844), "wide": (1440, 900)}


# The innermost elements that are wider than the page's column. It may scroll sideways, but a
# page should not need to; code and tables scroll in boxes of their own.
TOO_WIDE = """() => {
    const wide = e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0
        && (e.matches(".bd-article-container") || getComputedStyle(e).overflowX == "visible");
    const column = document.querySelector(".bd-article-container");
    if (!column || !wide(column)) return [];
    const within = [...column.querySelectorAll("*")]
        .filter(e => wide(e) && !e.closest("mjx-container, pre, table"));
    return [column, ...within].filter(e => !within.some(inner => inner != e && e.contains(inner)))
        .map(e => e.tagName.toLowerCase() + ": " + e.textContent.trim().slice(0, 40));
}"""


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, *args):
        """Say nothing of single requests."""


def serve(site):
    """Serve the site in the background; returns its address."""
    server = ThreadingHTTPServer(("localhost", 0), functools.partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://localhost:{server.server_port}"


def look_at(page, address, picture):
    """Open a page, take its picture, and return what is wrong with it."""
    faults = []
    page.on("console", lambda m: m.type == "error" and faults.append(f"console: {m.text}"))
    page.on("pageerror", lambda error: faults.append(f"script: {error}"))
    page.on("requestfailed", lambda request: faults.append(f"not loaded: {request.url}"))
    page.goto(address, wait_until="networkidle")
    faults += [f"too wide: {text}" for text in page.evaluate(TOO_WIDE)]
    page.screenshot(path=picture, full_page=True)
    return faults


def look_through(site, pictures):
    """Yield what is wrong, page by page and window by window."""
    home = serve(site)
    paths = [path.relative_to(site) for path in sorted(site.rglob("*.html"))]
    pages = [path for path in paths if path.parts[0] != "_static"]  # has templates of the theme
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM"), args=["--no-sandbox"]
        )
        for window, (width, height) in WINDOWS.items():
            for path in pages:
                page = browser.new_page(viewport={"width": width, "height": height})
                picture = pictures / window / path.with_suffix(".png")
                for fault in look_at(page, f"{home}/{path}", picture):
                    yield f"{window} {path}: {fault}"
                page.close()
        browser.close()


if __name__ == "__main__":
    site, pictures = (Path(argument).resolve() for argument in sys.argv[1:])
    faults = list(look_through(site, pictures))
    print("\n".join(faults) if faults else f"nothing wrong; pictures in {pictures}")
    sys.exit(bool(faults))
