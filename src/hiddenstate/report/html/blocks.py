"""Builds the parts of the page: what is shown at once, and the folded appendix."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from hiddenstate.metrics.glossary import entry_of, written
from hiddenstate.metrics.path_terms import TERMS
from hiddenstate.metrics.target_scores import is_pooled
from hiddenstate.report import forecast, results
from hiddenstate.report.commands import python_lines, training_command, uses
from hiddenstate.report.facts import RunFacts, Setting
from hiddenstate.report.html.pictures import Picture
from hiddenstate.runs.class_arrays import ClassifyFinal
from hiddenstate.runs.events import figures_of
from hiddenstate.runs.snapshots import AutoencodeFinal, typed
from hiddenstate.system.typing import Array
from hiddenstate.views.pictures import LEADS
from hiddenstate.web import tags

Pictures = dict[str, Picture]

MAX_LINES = 200
"""Logged lines in the table; of more, as many evenly spaced ones."""

MAX_CONFUSIONS = 10
"""Confusions that are listed, the most frequent ones."""


def lead(facts: RunFacts, pictures: Pictures) -> str | None:
    """Return the name of the figure on the first screen."""
    return next((name for name in LEADS[facts.kind.answers] if name in pictures), None)


def data(facts: RunFacts) -> str:
    """What the run was trained on."""
    return tags.terms(facts.data())


def network(facts: RunFacts) -> str:
    """The network, and the options that differ from their defaults."""
    net, body = facts.net(), ""
    if net is not None:
        zeros = facts.zeros()
        sparse = "" if zeros is None else f" {zeros:.1%} of its weights are 0."
        body += f"<p>It has {net.n_parameters():,} parameters.{sparse}</p>"
        body += tags.code(net.describe(), "the network")
    settings = facts.settings()
    changed = [setting for setting in settings if setting.changed]
    if not changed:
        return body + "<p>All options have their defaults.</p>"
    title = "Options that differ from their defaults"
    table = tags.table(SETTING[:3], [_setting_row(s)[:3] for s in changed], title)
    return body + f"<h3>{title}</h3>" + table


def options(facts: RunFacts) -> str:
    """All options, with their defaults and what they mean."""
    return tags.table(SETTING, [_setting_row(s) for s in facts.settings()], "All options", (), True)


def environment(facts: RunFacts) -> str:
    """The engine, the machine and the versions."""
    return tags.terms(facts.environment())


SETTING = ("option", "value", "default", "meaning")


def _setting_row(setting: Setting) -> list[str]:
    values = tags.name(setting.value), tags.name(setting.default)
    return [tags.text(setting.flag), *values, tags.text(setting.help)]


def log(facts: RunFacts) -> str:
    """The logged lines."""
    logged = [event for event in facts.history if event["event"] == "log"]
    if not logged:
        return "<p>Nothing was logged.</p>"
    shown = logged
    if len(logged) > MAX_LINES:
        places = np.linspace(0, len(logged) - 1, MAX_LINES).round().astype(int)
        shown = [logged[place] for place in places]
    names = list(figures_of(logged[-1]))
    kinds = {name: entry_of(name, facts.job).kind for name in names}
    rows = [
        [tags.text(written(event[n], kinds[n])) if n in event else "" for n in names]
        for event in map(figures_of, shown)
    ]
    title = f"{len(shown)} of {len(logged)} logged lines"
    head = [name.replace("_", " ") for name in names]
    return f"<p>{title}</p>" + tags.table(head, rows, title, range(1, len(names)))


def forecast_section(facts: RunFacts, tables: Sequence[forecast.Table]) -> str:
    """What answers a forecast, its steps with dates and intervals, its scores, and the part of the
    network."""
    body = "".join(f"<p>{tags.text(line)}</p>" for line in forecast.answer(facts))
    of_series = forecast.parts(facts)
    return body + "".join(map(_table, [*tables, *([of_series] if of_series else [])]))


def weights(facts: RunFacts) -> str:
    """The weights of what the network adds to, by lag and by column."""
    return "".join(map(_table, forecast.weights(facts)))


def _table(made: forecast.Table) -> str:
    rows = [[tags.name(cell) for cell in row] for row in made.rows]
    numbers = range(made.first_number, len(made.head))
    table = tags.table(made.head, rows, made.title, numbers)
    return f"<h3>{tags.text(made.title)}</h3>{table}"


def errors(facts: RunFacts, pictures: Pictures) -> str:
    """Where the network is wrong: figures, the most frequent confusions, each class."""
    first = lead(facts, pictures)
    wrong = (each for name, each in pictures.items() if each.is_error and name != first)
    return _figures(wrong) + (_by_class(facts) if facts.kind.has_classes else "")


def learned(facts: RunFacts, pictures: Pictures) -> str:
    """How it learned and what it learned: every figure that is nowhere else."""
    first = lead(facts, pictures)
    return _figures(each for name, each in pictures.items() if not each.is_error and name != first)


def figure(drawn: Picture, level: int = 3) -> str:
    """Show a figure in every theme and width, under a heading of a level; the style hides all but
    one of them."""
    images = "".join(
        f'<span class="{theme}-only"><img class="{width}" src="{image.source}" '
        f'width="{image.width}" height="{image.height}" decoding="async" '
        f'alt="{tags.text(drawn.spoken)}"></span>'
        for (theme, width), image in drawn.images.items()
    )
    span = " span" if drawn.spans else " tall" if drawn.is_tall else ""
    return (
        f'<figure id="figure-{tags.text(drawn.name)}" class="figure{span}">'
        f"<h{level}>{tags.name(drawn.title)}</h{level}>"
        f"<figcaption>{tags.prose(drawn.caption)}</figcaption>{images}</figure>"
    )


def _figures(pictures: Iterable[Picture]) -> str:
    """Show figures beside each other, wide ones alone."""
    figures = "".join(figure(picture) for picture in pictures)
    return f'<div class="figures">{figures}</div>' if figures else ""


def _by_class(facts: RunFacts) -> str:
    """The most frequent confusions beside the results of each class."""
    matrix = results.confusion(facts)
    if matrix is None:
        return ""
    rows = [
        [
            tags.name(one.label),
            f"{one.n_rows:,}",
            written(one.correct, "share") if one.n_rows else "",
            f"{one.f1:.4f}" if one.n_rows else "",
        ]
        for one in results.by_class(facts)
    ]
    title = "Results by class"
    table = tags.table(("class", "test rows", "recall", "F1"), rows, title, (1, 2, 3))
    parts = [_confusions(facts, matrix), f"<h3>{title}</h3>{table}"]
    return f'<div class="figures">{"".join(f"<div>{part}</div>" for part in parts if part)}</div>'


def _confusions(facts: RunFacts, matrix: Array) -> str:
    """The most frequent confusions."""
    wrong = matrix - np.diag(np.diagonal(matrix))
    places = np.argsort(-wrong, axis=None, kind="stable")[:MAX_CONFUSIONS]
    pairs = [divmod(int(place), len(matrix)) for place in places]
    rows = [
        [
            tags.name(facts.label(true)),
            tags.name(facts.label(predicted)),
            f"{wrong[true, predicted]:,}",
            written(wrong[true, predicted] / matrix[true].sum(), "share"),
        ]
        for true, predicted in pairs
        if wrong[true, predicted]
    ]
    if not rows:
        return ""
    head, title = ("true", "predicted", "rows", "share of the class"), "Most frequent confusions"
    return f"<h3>{title}</h3>" + tags.table(head, rows, title, (2, 3))


def _matrix(facts: RunFacts, matrix: Array) -> str:
    """The confusion matrix in numbers; cells without rows are empty."""
    wrong = matrix - np.diag(np.diagonal(matrix))
    totals, most = np.maximum(matrix.sum(axis=1), 1), max(int(wrong.max()), 1)
    rows = []
    for true, counts in enumerate(matrix):
        row = [tags.name(facts.label(true))]
        for predicted, count in enumerate(counts):
            share = count / (totals[true] if true == predicted else most)
            shade = ("r" if true == predicted else "w") + str(round(9 * float(share)))
            row.append(f'<span class="heat {shade}">{int(count)}</span>' if count else "")
        rows.append(row)
    head = ["true \\ predicted", *facts.classes]
    caption = "Test rows by true class (down) and predicted class (across)"
    return tags.table(head, rows, caption, range(1, len(head)))


def rows_in_numbers(facts: RunFacts) -> str:
    """The confusion matrix and the worst rows, in numbers."""
    if facts.kind.has_codes:
        return _worst_rebuilt(facts)
    matrix = results.confusion(facts)
    body = "" if matrix is None else "<h3>Confusion matrix</h3>" + _matrix(facts, matrix)
    return body + _worst_errors(facts)


def _worst_errors(facts: RunFacts) -> str:
    """The wrong rows whose true class has the lowest probability."""
    arrays = typed(facts.final_arrays, ClassifyFinal)
    if not len(arrays.get("worst", ())):
        return ""
    columns = zip(
        arrays["worst"],
        arrays["worst_label"],
        arrays["worst_chosen"],
        arrays["worst_chance"],
        strict=True,
    )
    rows = [
        [
            f"{int(row):,}",
            tags.name(facts.label(label)),
            tags.name(facts.label(chosen)),
            f"{100 * chance:.3g} %",
        ]
        for row, label, chosen, chance in columns
    ]
    head = ["test row", "true", "predicted", "probability of the true class"]
    return f"<h3>{_WORST}</h3>" + tags.table(head, rows, _WORST, (3,))


def _worst_rebuilt(facts: RunFacts) -> str:
    """The rows with the largest reconstruction errors."""
    arrays = typed(facts.final_arrays, AutoencodeFinal)
    n = len(arrays.get("worst", ()))
    if not n:
        return ""
    labels = arrays.get("worst_label")
    names = [""] * n if labels is None else [tags.name(facts.label(label)) for label in labels]
    rows = [
        [f"{int(row):,}", name, f"{error:.4g}"]
        for row, name, error in zip(arrays["worst"], names, arrays["worst_error"], strict=True)
    ]
    head = ["test row", "label", "squared error per scaled number"]
    return f"<h3>{_WORST}</h3>" + tags.table(head, rows, _WORST, (2,))


_WORST = "The worst rows"


def baseline(facts: RunFacts) -> str:
    """The main result beside that of a method without a network."""
    compared = results.baseline(facts)
    if compared is None:
        return "<p>There is no result that can be compared with a baseline.</p>"
    if is_pooled(compared.name, facts.results):
        return f"<p>{tags.text(compared.in_words())}</p>"
    rows = [
        [
            compared.who,
            tags.text(compared.entry.title),
            written(compared.value, compared.entry.kind),
            tags.text(compared.entry.definition),
        ],
        [
            tags.text(compared.method),
            tags.text(compared.other_entry.title),
            written(compared.other, compared.entry.kind),
            tags.text(compared.other_entry.definition),
        ],
    ]
    table = tags.table(("method", "result", "value", "definition"), rows, "Baselines", (2,), True)
    return f"<p>{tags.text(compared.in_words())}</p>{table}"


def every_result(facts: RunFacts) -> str:
    """All results with their definitions."""
    body = ""
    for title, table in results.tables(facts).items():
        rows = [
            [
                tags.text(row.entry.title),
                f"<code>{tags.text(row.name)}</code>",
                tags.text(row.value),
                tags.text(row.entry.definition),
            ]
            for row in table
        ]
        head = ("result", "name", "value", "definition")
        body += f"<h3>{tags.text(title)}</h3>" + tags.table(head, rows, title, (2,), True)
    return body or "<p>There are no results yet.</p>"


def events(facts: RunFacts) -> str:
    """What happened, and when."""
    items = "".join(
        f"<li><span>{tags.text(when)}</span> {tags.name(what)}</li>"
        for when, what in facts.events()
    )
    return f'<ol class="events">{items}</ol>' if items else "<p>Nothing was recorded.</p>"


def use(facts: RunFacts) -> str:
    """How to train again, and how to use the model."""
    run, body = facts.run, "<h3>Train again</h3>"
    command = training_command(run)
    if command is None:
        body += "<p>It was trained on arrays in Python: fit an estimator with these options.</p>"
    else:
        body += "<p>This command trains the same network on the same data, with the same seed:</p>"
        body += tags.code(command, "command that trains again")
    for title, line in uses(run):
        body += f"<h3>{tags.text(title)}</h3>" + tags.code(line, title)
    if facts.model is not None:
        body += "<h3>In Python</h3>"
        body += tags.code(python_lines(run, facts.model.row_shape), "lines of Python")
    return body


class Section(NamedTuple):
    """A part that is shown at once: its name in the address, its heading, and its HTML."""

    key: str
    title: str
    build: Callable[[RunFacts, Pictures], str]


SECTIONS = (
    Section("errors", "Where it is wrong", errors),
    Section("learning", "How it learned", learned),
)
"""The sections after the first screen, in order; empty ones are left out."""


class Fold(NamedTuple):
    """A part of the appendix, which the reader unfolds."""

    key: str
    title: str
    build: Callable[[RunFacts], str]


APPENDIX = (
    Fold("use", "Use the model, train again", use),
    Fold("data", "Data", data),
    Fold("network", "Network", network),
    Fold("weights", TERMS, weights),
    Fold("baseline", "Comparison with a baseline", baseline),
    Fold("numbers", "All results", every_result),
    Fold("rows", "Errors in numbers", rows_in_numbers),
    Fold("log", "Logged lines", log),
    Fold("story", "What happened", events),
    Fold("options", "All options", options),
    Fold("environment", "Environment", environment),
)
"""The parts of the appendix, in order; empty ones are left out."""
