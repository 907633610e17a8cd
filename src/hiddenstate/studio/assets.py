"""The files of the page, held in memory: nothing is served from the disk by its name."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from string import Template

from hiddenstate.report.html.palette import base_style
from hiddenstate.report.html.scripts import COMMENT
from hiddenstate.studio.session import Session

FOLDERS = ("studio/static", "report/html", "export/html")
"""Folders of scripts: a page of the studio draws with what reports and exported pages draw with.
They have the same places to one another in addresses, so that imports between them hold."""

STYLE = "studio/static/studio.css"

KINDS = {".js": "text/javascript", ".css": "text/css"}


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
    """Return the scripts and the style of the page, by folder and name."""
    found: dict[str, Asset] = {}
    for folder in FOLDERS:
        for entry in files("hiddenstate").joinpath(folder).iterdir():
            if entry.name.endswith(".js") or f"{folder}/{entry.name}" == STYLE:
                found[f"{folder}/{entry.name}"] = _asset(entry.name, entry.read_text("utf-8"))
    return found


def _asset(name: str, text: str) -> Asset:
    ending = "." + name.rpartition(".")[2]
    # Comments are for whoever reads the source.
    text = base_style() + text if ending == ".css" else COMMENT.sub("", text)
    return Asset(f"{KINDS[ending]}; charset=utf-8", text.encode())


def index_page(session: Session) -> bytes:
    """Return the page itself, which holds the second secret."""
    text = files(__package__).joinpath("static", "index.html").read_text("utf-8")
    return Template(text).substitute(secret=session.secret).encode()
