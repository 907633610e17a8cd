"""The files of the page, held in memory: nothing is served from the disk by its name."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from string import Template

from hiddenstate.studio.session import Session
from hiddenstate.web.joining import COMMENT, compact
from hiddenstate.web.palette import compact_style, style_of

FOLDERS = ("studio/static", "web")
"""Folders of scripts: a page of the studio draws with what reports and exported pages draw with.
They have the same places to one another in addresses, so that imports between them hold."""

STYLE = "studio.css"
"""The style of the frame, to which that of all pages is joined; pages load their own."""

KINDS = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


@dataclass
class Asset:
    """A file of the page: its type, its bytes, and a mark that changes with them."""

    kind: str
    body: bytes

    @cached_property
    def packed(self) -> bytes:
        """The bytes as gzip has them."""
        return gzip.compress(self.body, mtime=0)

    @cached_property
    def mark(self) -> str:
        """What changes with the bytes, for the header ETag."""
        return f'"{hashlib.sha256(self.body).hexdigest()[:20]}"'


@cache
def load_assets() -> dict[str, Asset]:
    """Return the scripts and the styles of the pages, by folder and name."""
    found: dict[str, Asset] = {}
    for folder in FOLDERS:
        for entry in files("hiddenstate").joinpath(folder).iterdir():
            if entry.name.endswith(".js"):  # comments are for whoever reads the source
                text = compact(COMMENT.sub("", entry.read_text("utf-8")))
                found[f"{folder}/{entry.name}"] = Asset(KINDS[".js"], text.encode())
            elif entry.name.endswith(".css") and folder == FOLDERS[0]:
                style = entry.read_text("utf-8")
                is_first = entry.name == STYLE
                shared = ("row_form", "row_cards")
                style = style_of(style, *shared) if is_first else compact_style(style)
                found[f"{folder}/{entry.name}"] = Asset(KINDS[".css"], style.encode())
    return found


def index_page(session: Session) -> bytes:
    """Return the page itself, which holds the second secret."""
    text = files(__package__).joinpath("static", "index.html").read_text("utf-8")
    return Template(text).substitute(secret=session.secret).encode()
