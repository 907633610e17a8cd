"""The parts of the page, each a heading and its HTML; what a run does not have is left out."""

from collections.abc import Callable

import numpy as np

from hiddenstate.metrics.glossary import explain, written
from hiddenstate.report import commands, results
from hiddenstate.report.facts import RunFacts
from hiddenstate.report.html import tags
from hiddenstate.report.html.pictures import Picture
from hiddenstate.report.html.plot import plot
from hiddenstate.runs.events import figures_of

Pictures = dict[str, Picture]

LINES = 200
"""Logged lines in the table; of more, so many, evenly."""

CONFUSED = 10
"""Most frequent confusions that are listed."""

SEEN = (
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
"""Figures that stand together, in their order."""


def learnt_what(facts: RunFacts, pictures: Pictures) -> str:
    """What was trained on what."""
    net = facts.net()
    told = "<h3>Data</h3>" + tags.terms(facts.data())
    if net is not None:
        told += f"<h3>Net</h3><p>{net.n_parameters():,} numbers are trained.</p>"
        told += tags.code(net.describe(), "the net")
    changed = [s for s in facts.settings() if s.changed]
    told += "<h3>Options</h3>"
    if changed:
        rows = [[tags.text(s.flag), tags.name(s.value), tags.name(s.default)] for s in changed]
        told += tags.table(("option", "value", "default"), rows, "Options that differ")
    else:
        told += "<p>Every option has its default.</p>"
    rows = [
        [tags.text(s.flag), tags.name(s.value), tags.name(s.default), tags.text(s.help)]
        for s in facts.settings()
    ]
    every = tags.table(("option", "value", "default", "what it is"), rows, "Every option")
    told += tags.folded(f"Every option ({len(rows)})", every)
    return told + tags.folded("What computed it", tags.terms(facts.environment()))


def learning(facts: RunFacts, pictures: Pictures) -> str:
    """Curves, and the lines behind them."""
    told = tags.picture(pictures["learning"], headed=False) if "learning" in pictures else ""
    logged = [event for event in facts.history if event["event"] == "log"]
    if not logged:
        return told
    shown = logged
    if len(logged) > LINES:
        places = np.linspace(0, len(logged) - 1, LINES).round().astype(int)
        shown = [logged[place] for place in places]
    names = [key for key in logged[-1] if key != "event"]
    rows = []
    for event in map(figures_of, shown):
        figures = [
            written(event[key], entry.kind if entry else "number") if key in event else ""
            for key in names
            for entry in [explain(key, facts.job)]
        ]
        rows.append([tags.text(figure) for figure in figures])
    title = f"{len(shown)} of {len(logged)} logged lines"
    body = tags.table([n.replace("_", " ") for n in names], rows, title, range(1, len(names)))
    return told + tags.folded(title, body)


def seen(facts: RunFacts, pictures: Pictures) -> str:
    """The figures of examples, answers and hidden states."""
    found = [pictures[name] for name in SEEN if name in pictures]
    known = {*SEEN, "learning", "codes", "confusion", "worst"}
    found += [picture for name, picture in pictures.items() if name not in known]
    return "".join(tags.picture(picture) for picture in found)


def codes(facts: RunFacts, pictures: Pictures) -> str:
    """The plot of the codes, and a picture of it that asks for no script."""
    if "codes" not in pictures:
        return ""
    return plot(facts) + tags.picture(pictures["codes"], headed=False)


def errors(facts: RunFacts, pictures: Pictures) -> str:
    """Confusion and the worst rows."""
    told = tags.picture(pictures["confusion"]) if "confusion" in pictures else ""
    classes = results.by_class(facts)
    if classes:
        told += _confusion(facts)
        rows = [
            [tags.name(label), f"{n:,}", written(right, "share") if n else "", f"{f1:.4f}"]
            for label, n, right, f1 in classes
        ]
        head = ("class", "test rows", "named right", "F1")
        told += tags.folded("Class by class", tags.table(head, rows, "Each class", (1, 2, 3)))
    if "worst" in pictures:
        told += tags.picture(pictures["worst"])
    return told + _worst(facts)


def _confusion(facts: RunFacts) -> str:
    """The confusion matrix in numbers, and the most frequent confusions."""
    matrix = results.confusion(facts)
    assert matrix is not None
    wrong = matrix - np.diag(np.diagonal(matrix))
    places = np.argsort(-wrong, axis=None, kind="stable")[:CONFUSED]
    pairs = [divmod(int(place), len(matrix)) for place in places]
    rows = [
        [
            tags.name(facts.label(t)),
            tags.name(facts.label(c)),
            f"{wrong[t, c]:,}",
            written(wrong[t, c] / matrix[t].sum(), "share"),
        ]
        for t, c in pairs
        if wrong[t, c]
    ]
    head = ("is", "was taken for", "times", "of its rows")
    told = "<h3>Most frequent confusions</h3>" if rows else ""
    told += tags.table(head, rows, "Most frequent confusions", (2, 3)) if rows else ""
    right, most = np.maximum(matrix.sum(axis=1), 1), max(int(wrong.max()), 1)
    lines = []
    for t, counts in enumerate(matrix):
        cells = []
        for c, count in enumerate(counts):
            share = count / right[t] if t == c else count / most
            kind = ("r" if t == c else "w") + str(round(9 * float(share)))
            cells.append(f'<span class="heat {kind}">{int(count)}</span>')
        lines.append([tags.name(facts.label(t)), *cells])
    titles = ["is \\ said", *facts.classes]
    caption = "Test rows by what they are (lines) and what the net said (columns)"
    whole = tags.table(titles, lines, caption, range(1, len(titles)))
    return told + tags.folded("Confusion in numbers", whole)


def _worst(facts: RunFacts) -> str:
    """The rows the net is furthest wrong on, in numbers."""
    found, classify = facts.final_arrays, facts.job == "classify"
    names = [
        "worst",
        *(("worst_label", "worst_chosen", "worst_chance") if classify else ("worst_error",)),
    ]
    n = len(found.get("worst", ()))
    if not n or any(len(found.get(name, ())) != n for name in names):
        return ""
    title = "The worst rows in numbers"
    if classify:
        head = ["test row", "is", "said", "chance given to the truth"]
        rows = [
            [
                f"{int(row):,}",
                tags.name(facts.label(label)),
                tags.name(facts.label(chosen)),
                f"{100 * chance:.3g} %",
            ]
            for row, label, chosen, chance in zip(*(found[n] for n in names), strict=True)
        ]
        return tags.folded(title, tags.table(head, rows, title, (3,)))
    labels = found.get("worst_label")
    named = [""] * n if labels is None else [tags.name(facts.label(c)) for c in labels]
    rows = [
        [f"{int(row):,}", label, f"{error:.4g}"]
        for row, label, error in zip(found["worst"], named, found["worst_error"], strict=True)
    ]
    head = ["test row", "label", "squared error per number"]
    return tags.folded(title, tags.table(head, rows, title, (2,)))


def baseline(facts: RunFacts, pictures: Pictures) -> str:
    """The main figure beside what no net at all would reach."""
    compared = results.baseline(facts)
    if compared is None:
        return "<p>There is no figure of a finished run to set beside a baseline.</p>"
    rows = [
        [
            "this net",
            tags.text(compared.entry.title),
            written(compared.value, compared.entry.kind),
            tags.text(compared.entry.how),
        ],
        [
            tags.text(compared.what),
            tags.text(compared.other_entry.title),
            written(compared.other, compared.entry.kind),
            tags.text(compared.other_entry.how),
        ],
    ]
    table = tags.table(("answers of", "figure", "value", "how"), rows, "Baselines", (2,))
    return f"<p>{tags.text(compared.in_words())}</p>{table}"


def every_number(facts: RunFacts, pictures: Pictures) -> str:
    """Each figure with how it was computed."""
    told = ""
    for title, figures in results.numbers(facts).items():
        rows = [
            [
                tags.text(entry.title),
                f"<code>{tags.text(name)}</code>",
                tags.text(value),
                tags.text(entry.how),
            ]
            for name, value, entry in figures
        ]
        head = ("figure", "name", "value", "how it was computed")
        told += f"<h3>{tags.text(title)}</h3>" + tags.table(head, rows, title, (2,))
    return told or "<p>No figures were written yet.</p>"


def story(facts: RunFacts, pictures: Pictures) -> str:
    """What happened, and when."""
    items = "".join(
        f"<li><span>{tags.text(when)}</span> {tags.name(what)}</li>" for when, what in facts.story()
    )
    return f'<ol class="story">{items}</ol>' if items else "<p>Nothing was written down.</p>"


def use(facts: RunFacts, pictures: Pictures) -> str:
    """How to run it again, and how to use the model."""
    run, told = facts.run, "<h3>Run it again</h3>"
    command = commands.command(run)
    if command is None:
        told += (
            "<p>It was trained on arrays in Python: fit an estimator with the options above.</p>"
        )
    else:
        told += "<p>This command trains the same net on the same data, with the same seed:</p>"
        told += tags.code(command, "command that runs it again")
    for what, line in commands.uses(run):
        told += f"<h3>{tags.text(what[:1].upper() + what[1:])}</h3>"
        told += tags.code(line, what)
    if facts.model is not None:
        told += "<h3>In Python</h3>"
        told += tags.code(commands.python(run, facts.model.row_shape), "lines of Python")
    return told


SECTIONS: list[tuple[str, str, Callable[[RunFacts, Pictures], str]]] = [
    ("what", "What was trained on what", learnt_what),
    ("learning", "Learning", learning),
    ("codes", "The codes", codes),
    ("seen", "What it sees and says", seen),
    ("errors", "Where it is wrong", errors),
    ("baseline", "Beside no net at all", baseline),
    ("numbers", "Every number", every_number),
    ("story", "What happened", story),
    ("use", "Run it again, use it", use),
]
"""Name, heading and maker of each part, in order."""
