"""The page as a whole: one file that fetches nothing; style and script are let in by their hash."""

import base64
import hashlib
from importlib.resources import files
from string import Template
from typing import Any

from hiddenstate import __version__
from hiddenstate.errors import MachineError, UntrustedFileError
from hiddenstate.report.facts import RunFacts
from hiddenstate.report.html import tags
from hiddenstate.report.html.blocks import SECTIONS
from hiddenstate.report.html.codes import code_plot
from hiddenstate.report.html.pictures import draw_pictures
from hiddenstate.report.results import headline
from hiddenstate.runs import Run
from hiddenstate.views import style
from hiddenstate.views.timeline import Timeline

SCRIPTS = ("page.js",)
PLOT_SCRIPTS = ("page.js", "tools.js", "space.js", "rows.js", "codes.js")


def page(run: Run) -> str:
    """The report of `run` as HTML."""
    facts = RunFacts(run)
    pictures, data = {}, None
    try:
        timeline = Timeline(run)
    except (UntrustedFileError, MachineError):  # told among the facts's problems
        timeline = None
    if timeline is not None:
        pictures = draw_pictures(timeline)
        data = code_plot(facts, timeline) if facts.job == "autoencode" else None
    made = [(key, title, make(facts, pictures)) for key, title, make in SECTIONS]
    made = [(key, title, body) for key, title, body in made if body]
    themes = {name: _variables(name) for name in style.THEMES}
    looks = Template(_asset("page.css")).substitute(themes, heat=_heat())
    script = "\n".join(_asset(name) for name in (PLOT_SCRIPTS if data else SCRIPTS))
    return Template(_asset("page.html")).substitute(
        title=tags.text(facts.title),
        policy=policy(looks, script),
        style=looks,
        script=script,
        head=_head(facts),
        nav="".join(f'<li><a href="#{key}">{tags.text(title)}</a></li>' for key, title, _ in made),
        sections="".join(
            f'<section id="{key}" aria-labelledby="{key}-title">'
            f'<h2 id="{key}-title">{tags.text(title)}</h2>{body}</section>'
            for key, title, body in made
        ),
        data="" if data is None else _data(data),
        version=tags.text(__version__),
    )


def policy(looks: str, script: str) -> str:
    """The content policy: nothing from anywhere, this style and this script alone."""
    return (
        "default-src 'none'; img-src data:; "
        f"style-src '{_hash(looks)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _asset(name: str) -> str:
    return (files(__package__) / name).read_text("utf-8").strip()


def _data(value: dict[str, Any]) -> str:
    return f'<script type="application/json" id="codes-data">{tags.inert_json(value)}</script>'


def _variables(name: str) -> str:
    """A theme's colours as properties of the style sheet."""
    with style.theme(name) as theme:
        roles = ("ground", "paper", "ink", "muted", "faint", "target", "prediction", "wrong")
        return " ".join(f"--{role}: {getattr(theme, role)};" for role in roles)


def _heat() -> str:
    """Shades of the confusion matrix: right and wrong, from none to full in nine steps."""
    return "\n".join(
        f".{kind}{n} {{ background: color-mix(in srgb, var(--{role}) {5 * n}%, transparent); }}"
        for kind, role in (("r", "prediction"), ("w", "wrong"))
        for n in range(10)
    )


def _head(facts: RunFacts) -> str:
    """Title, state, the main figure, and what a reader should know first."""
    run, top = facts.run, headline(facts)
    bars = ""
    if top.share is not None and top.other_share is not None:
        bars = _bar("this net", top.share, "net") + _bar("without a net", top.other_share, "other")
        bars = f'<div class="bars" aria-hidden="true">{bars}</div>'
    told = (
        f'<p class="kind">{tags.text(facts.job)} · <bdi>{tags.text(run.name)}</bdi> · '
        f"{tags.text(facts.state)} · {tags.text(run.started())}</p>"
        f"<h1>{tags.text(facts.title)}</h1>"
        f'<div class="headline"><p class="figure-value">{tags.text(top.value)}</p>'
        f'<p class="figure-what">{tags.text(top.what)}</p>{bars}'
        f'<p class="figure-beside">{tags.text(top.beside)}</p></div>'
    )
    warned = "".join(f"<li>{tags.name(line)}</li>" for line in facts.warnings())
    return told + (f'<ul class="warnings" aria-label="Take note">{warned}</ul>' if warned else "")


def _bar(label: str, share: float, kind: str) -> str:
    width = round(100 * min(max(share, 0.0), 1.0), 2)
    return (
        f"<span>{label}</span>"
        f'<svg viewBox="0 0 100 6" preserveAspectRatio="none" class="{kind}">'
        f'<rect class="rest" width="100" height="6"/><rect width="{width}" height="6"/></svg>'
    )
