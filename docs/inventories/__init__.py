"""Where other projects document what our pages refer to.

Sphinx would fetch an index from each project's site. So that the site builds without a
network, the few rows it needs stand in a text file a project, in the format of such an index:
name, role, priority, address and title (``-`` for the name), with ``$`` for the name in the
address.
"""

import zlib
from pathlib import Path

SITES = {
    "python": "https://docs.python.org/3/",
    "numpy": "https://numpy.org/doc/stable/",
    "scipy": "https://docs.scipy.org/doc/scipy/",
    "sklearn": "https://scikit-learn.org/stable/",
    "skorch": "https://skorch.readthedocs.io/en/stable/",
    "pandas": "https://pandas.pydata.org/docs/",
}
HEADER = """# Sphinx inventory version 2
# Project: {}
# Version:
# The remainder of this file is compressed using zlib.
"""


def write_inventories(folder):
    """Compress the text files into ``folder``, and say to intersphinx where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    mapping = {}
    for project, site in SITES.items():
        lines = Path(__file__).with_name(f"{project}.txt").read_text().splitlines()
        rows = "\n".join(line.replace("$", line.split()[0]) for line in lines)
        path = folder / f"{project}.inv"
        path.write_bytes(HEADER.format(project).encode() + zlib.compress(rows.encode()))
        mapping[project] = (site, str(path))
    return mapping
