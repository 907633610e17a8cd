"""The widget of a notebook: the studio's modules in a frame, with what they read of one run.

What every front end must have is state of the widget, so that a page that is loaded later, or
again, has it too: the news of the run, its facts, and the arrays of its moments. Only what is
missing is asked for, which a kernel answers when no cell runs.
"""

import base64
import gzip
import json
import posixpath
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from hiddenstate.errors import HiddenstateError, printable
from hiddenstate.runs import Run
from hiddenstate.studio.answers import checked
from hiddenstate.studio.assets import load_assets
from hiddenstate.studio.details import arrays_of, details, pack, program, view
from hiddenstate.studio.index import RunIndex, id_of
from hiddenstate.studio.stream import Place, RunNews
from hiddenstate.system.strict_json import replace_nan
from hiddenstate.views.themes import BY_NAME
from hiddenstate.web.joining import COMMENT, compact

PERIOD = 0.4
"""Shortest time, in seconds, between two pieces of news."""

BYTES_PER_SECOND = 4 * 2**20
"""What is sent of moments, so that a slow connection is not flooded."""

MAX_KEPT = 16 * 2**20
"""Bytes of moments that the notebook keeps; it asks for others."""

PIECE = 2**20
"""Bytes of moments after which others wait for the next piece of news."""

EMPTY = 16
"""Bytes of a file without arrays, which a run has before its first snapshot."""

SPECIFIER = re.compile(r'"(\.\.?/[\w./-]+\.js)"')
"""The address of a module in another one."""

STYLES = ("studio.css", "classify.css", "codes.css", "why.css")

PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="color-scheme" content="light dark"><meta name="hiddenstate" content="">'
    '<style>{style}</style><script type="importmap">IMPORTS</script></head>'
    '<body><p id="spoken" class="unseen" aria-live="polite"></p>'
    '<script type="application/json" id="start">{start}</script>'
    '<script type="module">import "live/page.js";</script></body></html>'
)


def modules() -> dict[str, str]:
    """Return the scripts of the page by name; they import one another by these names."""
    assets = {name: asset.body.decode() for name, asset in load_assets().items()}
    own = files("hiddenstate").joinpath("live/page.js").read_text("utf-8")
    assets["live/page.js"] = compact(COMMENT.sub("", own))
    assets["studio/static/style.js"] = "export const styled=()=>Promise.resolve();"  # all is there
    found: dict[str, str] = {}

    def take(name: str) -> None:
        if name in found:
            return
        folder = posixpath.dirname(name)
        text = assets[name].replace("`../../web/", "`web/")
        text = re.sub(r"`\./zh_", "`studio/static/zh_", text)
        found[name] = SPECIFIER.sub(lambda match: f'"{_named(folder, match[1])}"', text)
        for match in SPECIFIER.finditer(assets[name]):
            take(_named(folder, match[1]))

    take("live/page.js")
    for name in assets:
        if name.startswith(("web/", "studio/static/zh_")) and name.endswith(".js"):
            take(name)
    return found


def _named(folder: str, address: str) -> str:
    return posixpath.normpath(posixpath.join(folder, address))


@cache
def script() -> str:
    """Return the script of the widget, which holds the page."""
    assets = load_assets()
    style = "".join(assets[f"studio/static/{name}"].body.decode() for name in STYLES)
    colors = json.dumps({"colors": {name: theme.classes for name, theme in BY_NAME.items()}})
    page = PAGE.replace("{style}", style).replace("{start}", colors)
    text = json.dumps({"page": page, "modules": modules()})
    packed = base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
    own = files("hiddenstate").joinpath("live/widget.js").read_text("utf-8")
    return compact(COMMENT.sub("", own)).replace("$page", packed)


class RunWidget(anywidget.AnyWidget):
    """Shows a run in a notebook.

    Parameters
    ----------
    path : Path
        The run folder.
    speed : float, default 0.0
        How fast the page replays the run at its start; 0 shows the newest moment.
    """

    name = traitlets.Unicode().tag(sync=True)
    speed = traitlets.Float().tag(sync=True)

    def __init__(self, path: Path, speed: float = 0.0) -> None:
        self._told: dict[str, Any] = {}
        self._path, self._id = path, id_of(path.name)
        self._index = RunIndex(path.parent, path)
        self._news = RunNews(self._index, self._id, Place())
        self._pieces = self._kept = 0
        self._due, self._ended = 0.0, False
        super().__init__(_esm=script(), name=printable(path.name, 100), speed=speed)
        self.on_msg(self._asked)

    def __repr__(self) -> str:
        return f"run {self.name}, in a widget; run the cell again to see it"

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        """Return the state of the widget, with what was sent of the run."""
        if key is None:
            return {**super().get_state(None, drop_defaults), **self._told}
        names = {key} if isinstance(key, str) else set(key)
        told = {name: self._told[name] for name in names & set(self._told)}
        own = names - set(told)
        return {**(super().get_state(own, drop_defaults) if own else {}), **told}

    def tell(self, last: bool = False) -> bool:
        """Send what is new in the run, if it is time, and moments that were not sent yet.

        Parameters
        ----------
        last : bool
            Whether it is time in any case.

        Returns
        -------
        bool
            Whether there may be more.
        """
        if not last and time.monotonic() < self._due:
            return True
        new: dict[str, Any] = {}
        with suppress(HiddenstateError, OSError):  # a run that is not there yet, or any more
            run = self._index.run(self._id)
            text = b"".join(self._news.messages()).decode()
            if text:
                new[f"news/{self._pieces}"] = text
                self._pieces += 1
            if "event: run" in text or "arrays/static" not in self._told:
                new["details"] = answer_of(run, "details")
                self._ended = run.status() == "done"
            new |= self._moments(run)
        new = {name: body for name, body in new.items() if body and body != self._told.get(name)}
        if new:
            self._told |= new
            self.send_state(list(new))
        sent = _size(new)
        self._due = time.monotonic() + max(PERIOD, sent / BYTES_PER_SECOND)
        return bool(new)

    def follow(self, run: Run) -> None:
        """Send what is new until the run ends, and then what there is."""
        while run.status() == "running":
            self.tell()
            time.sleep(PERIOD)
        while self.tell(last=True):
            pass

    def _moments(self, run: Run) -> dict[str, bytes]:
        """Return arrays that were not sent: those of the run, and of moments, newest first."""
        paths = [f"arrays/{int(path.stem)}" for path in reversed(run.snapshot_paths())]
        end = ["arrays/final"] if run.has_final_arrays else []
        if self._ended:
            end += ["program/final", "view/final"]
        paths = ["arrays/static", *end, *paths]
        new: dict[str, bytes] = {}
        for path in paths:
            if path not in self._told and self._kept < MAX_KEPT and _size(new) < PIECE:
                body = answer_of(run, path)
                if body and len(body) > EMPTY:
                    new[path] = body
                    self._kept += len(body)
        return new

    def _asked(self, widget: object, message: dict[str, Any], buffers: object) -> None:
        """Answer a page that needs something that was not sent."""
        path, body = str(message.get("path")), None
        with suppress(HiddenstateError, OSError):
            body = answer_of(self._index.run(self._id), path)
        self.send({"path": path, "there": body is not None}, [] if body is None else [body])


def _size(state: Mapping[str, str | bytes]) -> int:
    return sum(map(len, state.values()))


def answer_of(run: Run, path: str) -> bytes | None:
    """Return what the page reads at a path, as the studio answers; None if there is nothing."""
    kind, _, which = path.partition("/")
    try:
        if kind == "details":
            facts = replace_nan(details(run, "run"))
            return json.dumps(facts, separators=(",", ":"), default=str).encode()
        if kind == "arrays":
            return pack(arrays_of(run, which))
        if kind == "forecast":
            from hiddenstate.studio.forecasts import forecast  # the exports take a moment to import

            return forecast(run)
        if kind == "why":
            return _why(run, which)
        if kind in ("program", "view"):
            step = None if which == "final" else int(which)
            return program(run, step) if kind == "program" else view(run, step)
    except (HiddenstateError, OSError, ValueError):
        pass
    return None


def _why(run: Run, asked: str) -> bytes:
    """Return what an answer rests on, as the studio says it, or why nothing can be said."""
    from hiddenstate.studio.why import FIELDS, explained

    try:
        found = explained(run, checked(json.loads(asked), *FIELDS))
    except HiddenstateError as error:
        found = {"error": str(error)}
    return json.dumps(replace_nan(found), separators=(",", ":"), default=str).encode()
