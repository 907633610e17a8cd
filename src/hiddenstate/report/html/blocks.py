"""Builds the blocks of the page, each a heading and its HTML; empty ones are left out."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hiddenstate.metrics.glossary import entry_of, written
from hiddenstate.report import results
from hiddenstate.report.commands import python_lines, training_command, uses
from hiddenstate.report.facts import RunFacts, Setting
from hiddenstate.report.html import tags
from hiddenstate.report.html.pictures import Picture
from hiddenstate.report.html.plot import plot
from hiddenstate.runs.events import figures_of
from hiddenstate.runs.snapshots import AutoencodeFinal, ClassifyFinal, typed
from hiddenstate.system.typing import Array

Pictures = dict[str, Picture]

MAX_LINES = 200
"""Logged lines in the table; of more, as many evenly spaced ones."""

MAX_CONFUSIONS = 10
"""Confusions that are listed, the most frequent ones."""

EXAMPLES = (
    "example",
    "signals",
    "predictions",
    "decision",
    "tracking",
    "error",
    "hidden",
    "portrait",
    "reconstructions",
    "grid",
    "walk",
)
"""Figures of the block of examples, in order."""


def setup(facts: RunFacts, pictures: Pictures) -> str:
    """The data, the network, the options and the environment."""
    net = facts.net()
    body = "<h3>Data</h3>" + tags.terms(facts.data())
    if net is not None:
        body += f"<h3>Network</h3><p>It has {net.n_parameters():,} parameters.</p>"
        body += tags.code(net.describe(), "the network")
    settings = facts.settings()
    changed = [setting for setting in settings if setting.changed]
    body += "<h3>Options</h3>"
    if changed:
        title = "Options that differ from their defaults"
        body += tags.table(SETTING[:3], [_setting_row(s)[:3] for s in changed], title)
    else:
        body += "<p>All options have their defaults.</p>"
    every = tags.table(SETTING, [_setting_row(s) for s in settings], "All options")
    body += tags.folded(f"All options ({len(settings)})", every)
    return body + tags.folded("Environment", tags.terms(facts.environment()))


SETTING = ("option", "value", "default", "meaning")


def _setting_row(setting: Setting) -> list[str]:
    values = tags.name(setting.value), tags.name(setting.default)
    return [tags.text(setting.flag), *values, tags.text(setting.help)]


def learning(facts: RunFacts, pictures: Pictures) -> str:
    """The learning curves, and the logged lines."""
    body = tags.picture(pictures["learning"], headed=False) if "learning" in pictures else ""
    logged = [event for event in facts.history if event["event"] == "log"]
    if not logged:
        return body
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
    return body + tags.folded(title, tags.table(head, rows, title, range(1, len(names))))


def examples(facts: RunFacts, pictures: Pictures) -> str:
    """The figures of rows, predictions and hidden states."""
    chosen = [pictures[name] for name in EXAMPLES if name in pictures]
    elsewhere = {*EXAMPLES, "learning", "codes", "confusion", "worst"}
    chosen += [picture for name, picture in pictures.items() if name not in elsewhere]
    return "".join(tags.picture(picture) for picture in chosen)


def codes(facts: RunFacts, pictures: Pictures) -> str:
    """The plot of the codes, and a picture of it that needs no script."""
    if "codes" not in pictures:
        return ""
    return plot(facts) + tags.picture(pictures["codes"], headed=False)


def errors(facts: RunFacts, pictures: Pictures) -> str:
    """The confusion matrix and the worst rows."""
    body = tags.picture(pictures["confusion"]) if "confusion" in pictures else ""
    matrix = results.confusion(facts)
    if matrix is not None:
        body += _confusions(facts, matrix) + _matrix(facts, matrix)
        rows = [
            [
                tags.name(one.label),
                f"{one.n_rows:,}",
                written(one.correct, "share") if one.n_rows else "",
                f"{one.f1:.4f}",
            ]
            for one in results.by_class(facts)
        ]
        head = ("class", "test rows", "correct", "F1")
        body += tags.folded("Results by class", tags.table(head, rows, "Each class", (1, 2, 3)))
    if "worst" in pictures:
        body += tags.picture(pictures["worst"])
    return body + (_worst_errors(facts) if facts.job == "classify" else _worst_rebuilt(facts))


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
    """The confusion matrix in numbers."""
    wrong = matrix - np.diag(np.diagonal(matrix))
    totals, most = np.maximum(matrix.sum(axis=1), 1), max(int(wrong.max()), 1)
    rows = []
    for true, counts in enumerate(matrix):
        row = [tags.name(facts.label(true))]
        for predicted, count in enumerate(counts):
            share = count / (totals[true] if true == predicted else most)
            shade = ("r" if true == predicted else "w") + str(round(9 * float(share)))
            row.append(f'<span class="heat {shade}">{int(count)}</span>')
        rows.append(row)
    head = ["true \\ predicted", *facts.classes]
    caption = "Test rows by true class (down) and predicted class (across)"
    table = tags.table(head, rows, caption, range(1, len(head)))
    return tags.folded("Confusion matrix in numbers", table)


def _worst_errors(facts: RunFacts) -> str:
    """The wrong rows whose true class has the lowest probability, in numbers."""
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
    head, title = ["test row", "true", "predicted", "probability of the true class"], _WORST
    return tags.folded(title, tags.table(head, rows, title, (3,)))


def _worst_rebuilt(facts: RunFacts) -> str:
    """The rows with the largest reconstruction errors, in numbers."""
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
    head = ["test row", "label", "squared error per number"]
    return tags.folded(_WORST, tags.table(head, rows, _WORST, (2,)))


_WORST = "The worst rows in numbers"


def baseline(facts: RunFacts, pictures: Pictures) -> str:
    """The main result beside that of a method without a network."""
    compared = results.baseline(facts)
    if compared is None:
        return "<p>There is no result that can be compared with a baseline.</p>"
    rows = [
        [
            "this network",
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
    table = tags.table(("method", "result", "value", "definition"), rows, "Baselines", (2,))
    return f"<p>{tags.text(compared.in_words())}</p>{table}"


def every_result(facts: RunFacts, pictures: Pictures) -> str:
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
        body += f"<h3>{tags.text(title)}</h3>" + tags.table(head, rows, title, (2,))
    return body or "<p>There are no results yet.</p>"


def events(facts: RunFacts, pictures: Pictures) -> str:
    """What happened, and when."""
    items = "".join(
        f"<li><span>{tags.text(when)}</span> {tags.name(what)}</li>"
        for when, what in facts.events()
    )
    return f'<ol class="events">{items}</ol>' if items else "<p>Nothing was recorded.</p>"


def use(facts: RunFacts, pictures: Pictures) -> str:
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


class Block(NamedTuple):
    """A part of the page: the name in its address, its heading, and what builds its HTML."""

    key: str
    title: str
    build: Callable[[RunFacts, Pictures], str]


BLOCKS = (
    Block("what", "Data, network and options", setup),
    Block("learning", "Learning curves", learning),
    Block("codes", "Codes", codes),
    Block("seen", "Examples and predictions", examples),
    Block("errors", "Errors", errors),
    Block("baseline", "Comparison with a baseline", baseline),
    Block("numbers", "All results", every_result),
    Block("story", "What happened", events),
    Block("use", "Train again, use the model", use),
)
"""The blocks of the page, in order."""
