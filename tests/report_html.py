"""Helpers of the report's tests: small runs, and a parsed page."""

import base64
import hashlib
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.runs import Run
from hiddenstate.training.start import plan, start
from tests.conftest import write_digits

VOID = {"meta", "link", "img", "input", "br", "hr", "rect", "source"}

HOSTILE = (
    "<script>alert(1)</script>",
    "a\nb \"q\" 's'",
    "$x^2$ &amp; </style>",
    "\u202egnp.exe",
    "`|*_[x](http://evil.example)_*|`",
)
"""Class labels that try to break a page, or do so by accident."""


def train(
    job: str,
    values: Mapping[str, Any],
    runs_dir: Path,
    steps: int | None = None,
    name: str | None = None,
) -> Run:
    """Train a run of `job` with these options; with `steps`, interrupt it after about as many."""
    config, dataset = plan(job, {"threads": 1, **values})
    asked = iter(range(10**9))
    with start(config, runs_dir, dataset=dataset, name=name) as session:
        session.train(should_stop=lambda: steps is not None and next(asked) >= steps)
        return Run(session.writer.path)


def train_digits(folder: Path) -> Run:
    """Write small pictures to `folder` and train a small classifier on them."""
    data = str(write_digits(folder / "digits"))
    return train("classify", {"data": data, "hidden_size": 4, "max_steps": 15}, folder)


def write_hostile(path: Path, n_rows: int = 60) -> Path:
    """Write a table of short waves, one kind for each hostile label."""
    random = np.random.default_rng(0)
    lines = [",".join([*(f"t{i}" for i in range(12)), "label"])]
    for row in range(n_rows):
        kind = row % len(HOSTILE)
        wave = np.sin(np.arange(12) * (kind + 1) / 4) + random.normal(0, 0.1, 12)
        quoted = '"' + HOSTILE[kind].replace('"', '""') + '"'
        lines.append(",".join([*(f"{value:.3f}" for value in wave), quoted]))
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


class Page(HTMLParser):
    """A parsed page: its elements with their attributes, its text, and its errors."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.source = text
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.faults: list[str] = []
        self.scripts: list[tuple[dict[str, str], str]] = []
        self.styles: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self._attributes: dict[str, str] = {}
        self.feed(text)
        self.close()
        self.faults += [f"{tag} is not closed" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._attributes = {name: value or "" for name, value in attrs}
        if len(self._attributes) < len(attrs):
            self.faults.append(f"{tag} says an attribute twice")
        self.elements.append((tag, self._attributes))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1] != tag:
            self.faults.append(f"{tag} closes {self._open[-1:]}")
        else:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open[-1:] == ["script"]:
            self.scripts.append((self._attributes, data))
        elif self._open[-1:] == ["style"]:
            self.styles.append(data)
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        """The visible text."""
        return re.sub(r"\s+", " ", " ".join(self.words))

    def attributes(self, name: str) -> list[str]:
        """Return the values of an attribute, of all elements."""
        return [given[name] for _, given in self.elements if name in given]

    @property
    def policy(self) -> dict[str, list[str]]:
        """The content security policy by directive."""
        stated = next(
            given["content"]
            for tag, given in self.elements
            if tag == "meta" and given.get("http-equiv") == "Content-Security-Policy"
        )
        parts = (part.split() for part in stated.split(";"))
        return {name: values for name, *values in parts}


def hashed(content: str) -> str:
    """Return the hash of a style or script, as in a content security policy."""
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
