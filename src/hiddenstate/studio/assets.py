"""The files of the page, held in memory: nothing is served from the disk by its name."""

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from string import Template

from hiddenstate.report.html.palette import base_style
from hiddenstate.studio.session import Session

SHARED = {
    "hiddenstate.report.html": (
        "pixels.js", "space.js", "theme.js", "tools.js",
    ),
    "hiddenstate.export.html": (
        "answer.js", "charts.js", "draw.js", "fixed.js", "lanes.js", "net.js",
    ),
}  # fmt: skip
"""Scripts that reports and exported pages use too."""

KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Asset:
    """A file of the page: its type, its bytes, and a mark that changes with them."""

    kind: str
    body: bytes

    @property
    def mark(self) -> str:
        """What changes with the bytes, for the header ETag."""
        return f'"{hashlib.sha256(self.body).hexdigest()[:20]}"'


def load_assets() -> dict[str, Asset]:
    """Return the files of the page by name, without its HTML."""
    found: dict[str, Asset] = {}
    for package, names in SHARED.items():
        for name in names:
            found[name] = _asset(name, files(package).joinpath(name).read_text("utf-8"))
    for entry in files(__package__).joinpath("static").iterdir():
        ending = "." + entry.name.rpartition(".")[2]
        if ending in KINDS:
            text = entry.read_text("utf-8")
            found[entry.name] = _asset(
                entry.name, base_style() + text if ending == ".css" else text
            )
    return found


def _asset(name: str, text: str) -> Asset:
    ending = "." + name.rpartition(".")[2]
    if ending == ".js":  # comments are for whoever reads the source
        text = re.sub(r"^ *//.*\n", "", text, flags=re.MULTILINE)
        text = re.sub(r"^ */\*\*.*?\*/\n", "", text, flags=re.MULTILINE | re.DOTALL)
    return Asset(f"{KINDS[ending]}; charset=utf-8", text.encode())


def index_page(session: Session) -> bytes:
    """Return the page itself, which holds the second secret."""
    text = files(__package__).joinpath("static", "index.html").read_text("utf-8")
    return Template(text).substitute(secret=session.secret).encode()
