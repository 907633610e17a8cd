"""Builds the page: one file that loads nothing, whose policy allows its own style and script."""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import chain
from string import Template
from typing import NamedTuple

from hiddenstate.errors import MachineError, UntrustedFileError
from hiddenstate.report.facts import RunFacts
from hiddenstate.report.forecast import Table
from hiddenstate.report.html.blocks import (
    APPENDIX,
    SECTIONS,
    Pictures,
    figure,
    forecast_section,
    lead,
)
from hiddenstate.report.html.codes import code_data
from hiddenstate.report.html.live import live, live_data
from hiddenstate.report.html.pictures import draw_pictures
from hiddenstate.report.html.plot import plot
from hiddenstate.report.results import baseline, headline
from hiddenstate.runs import Run
from hiddenstate.version import __version__
from hiddenstate.views.timeline import Timeline
from hiddenstate.web import tags
from hiddenstate.web.joining import joined, ordered, trimmed
from hiddenstate.web.palette import style_of
from hiddenstate.web.policy import policy


class Replay(NamedTuple):
    """What the first screen replays: a script of the page, its elements, and its data."""

    key: str
    elements: str
    data: Mapping[str, object] | None


def page(run: Run, tables: Sequence[Table] = (), fans: Mapping[str, object] | None = None) -> str:
    """Return the report of `run` as HTML, with its forecasts if given: as tables, and as a picture
    of `fans`."""
    facts = RunFacts(run)
    pictures: Pictures = {}
    replay = Replay("", "", None)
    try:
        timeline = Timeline(run)
    except (UntrustedFileError, MachineError):  # reported among the problems of the facts
        timeline = None
    if timeline is not None:
        pictures = draw_pictures(timeline)
        replay = _replay(facts, timeline)
    drawn = '<div id="fan"></div>' if fans else ""
    bodies = {"forecast": ("The forecast", drawn + forecast_section(facts, tables))}
    bodies |= {part.key: (part.title, part.build(facts, pictures)) for part in SECTIONS}
    folds = [(fold, fold.build(facts)) for fold in APPENDIX]
    folded = "".join(tags.folded(fold.key, fold.title, body) for fold, body in folds if body)
    bodies["appendix"] = ("Appendix", folded)
    sections = {key: (title, body) for key, (title, body) in bodies.items() if body}
    titles = {"result": "Result"} | {key: title for key, (title, _) in sections.items()}
    css = style_of(Template(asset("page.css")).substitute(heat=_heat()), "row_cards")
    script = _script("page", replay.key, "forecast" if fans else "")
    return Template(asset("page.html")).substitute(
        first=tags.head(facts.title, css, policy(css, script)),
        script=script,
        head=_head(facts, pictures, replay),
        nav="".join(f'<li><a href="#{key}">{title}</a></li>' for key, title in titles.items()),
        blocks="".join(
            f'<section id="{key}" aria-labelledby="{key}-title">'
            f'<h2 id="{key}-title">{title}</h2>{body}</section>'
            for key, (title, body) in sections.items()
        ),
        data="".join(
            _data(key, value)
            for key, value in ((replay.key, replay.data), ("forecast", fans))
            if value is not None
        ),
        version=tags.text(__version__),
    )


@cache
def _script(*names: str) -> str:
    """Return modules beside this one as a script, without those of an empty name."""
    return trimmed(joined(ordered(f"report/html/{name}.js" for name in names if name)))


def _replay(facts: RunFacts, timeline: Timeline) -> Replay:
    """Return what a browser replays of the run; nothing of a run that has too little for it."""
    if facts.kind.has_codes:
        codes = code_data(facts, timeline)
        return Replay("codes", plot(facts), codes) if codes else Replay("", "", None)
    signal = live_data(timeline, facts.classes)
    return Replay("live", live(signal), signal) if signal else Replay("", "", None)


def asset(name: str) -> str:
    """Return the text of a file beside this module."""
    return (files(__package__) / name).read_text("utf-8").strip()


def _data(key: str, value: Mapping[str, object]) -> str:
    return f'<script type="application/json" id="{key}-data">{tags.inert_json(value)}</script>'


def _heat() -> str:
    """Return the shades of the confusion matrix, correct and wrong, in ten steps."""
    return "\n".join(
        f".{kind}{n} {{ background: color-mix(in srgb, var(--{role}) {5 * n}%, transparent); }}"
        for kind, role in (("r", "prediction"), ("w", "wrong"))
        for n in range(10)
    )


def _head(facts: RunFacts, pictures: Pictures, replay: Replay) -> str:
    """Build the first screen: the main result, the warnings, and one figure."""
    run, top = facts.run, headline(facts)
    compared = baseline(facts)
    worse = compared is not None and compared.worse
    lines = chain(facts.warnings(), run.damaged_snapshots())
    items = "".join(f"<li>{tags.name(line)}</li>" for line in lines)
    first = lead(facts, pictures)
    shown = replay.elements + ("" if first is None else figure(pictures[first], 2))
    return (
        f'<div class="words"><p class="kind">{tags.text(facts.job)} · '
        f"<bdi>{tags.text(run.name)}</bdi> · {tags.text(facts.status)} · "
        f"{tags.text(run.started())}</p><h1>{tags.text(facts.title)}</h1>"
        + (f'<p class="answered">{tags.text(facts.answered)}</p>' if facts.answered else "")
        + f'<div class="headline"><p class="result">{tags.text(top.value)}</p>'
        f'<p class="result-name">{tags.prose(top.name)}</p>'
        + "".join(
            f'<p class="result further">{tags.text(value)}</p>'
            f'<p class="result-name">{tags.prose(name)}</p>'
            for value, name in top.more
        )
        + _bars(facts)
        + f'<p class="comparison{" worse" * worse}">{tags.prose(top.comparison)}</p></div>'
        + (f'<ul class="warnings" aria-label="Warnings">{items}</ul>' if items else "")
        + f'</div><div class="lead">{shown}</div>'
    )


def _bars(facts: RunFacts) -> str:
    """Draw the main result above that of the baseline, as shares of 1 or of the greater one."""
    compared = baseline(facts)
    if compared is None:
        return ""
    is_share = compared.entry.kind == "share"
    value, other = compared.sizes
    whole = 1.0 if is_share else max(value, other)
    if not (math.isfinite(whole) and whole > 0):
        return ""
    net = "worse" if compared.worse else "even" if compared.tie else "net"
    who = compared.who.removeprefix("the ")
    bars = _bar(who, value / whole, net)
    bars += _bar(compared.short.removeprefix("the "), other / whole, "other")
    note = "longer is better" if is_share else "errors: shorter is better"
    return f'<div class="bars" aria-hidden="true">{bars}<span></span><small>{note}</small></div>'


def _bar(label: str, share: float, kind: str) -> str:
    width = round(100 * min(max(share, 0.0), 1.0), 2)
    return (
        f"<span>{label}</span>"
        f'<svg viewBox="0 0 100 6" preserveAspectRatio="none" class="{kind}">'
        f'<rect class="rest" width="100" height="6"/><rect width="{width}" height="6"/></svg>'
    )
