"""Writes the model card of a run: the facts of the report as Markdown, beside the model.

It begins with the lines of YAML from which the Hugging Face Hub knows the kind of a model. It
imports no view, no matplotlib and no torch, since training writes it at its end.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from hiddenstate.errors import printable
from hiddenstate.report import results
from hiddenstate.report.commands import python_lines, training_command, uses
from hiddenstate.report.facts import RunFacts
from hiddenstate.report.forecast import Table, answer, weights
from hiddenstate.report.forecast import parts as series_parts
from hiddenstate.runs import Run
from hiddenstate.runs.writer import write_page
from hiddenstate.version import __version__

MAX_TEXT = 1000
"""Characters of a text that are shown."""

_MARKS = re.compile(r"([\\`*_\[\]|<>~$&@#])")
_BEGINS = re.compile(r"^(\d*)([-+=.)])(?=[-=\s]|$)")
_LINKS = re.compile(r"(?i)(:)(?=//)|(?<=www)(\.)")

_INTENDED = {
    "classes": "To classify sequences like those it was trained on, and to learn how recurrent "
    "networks read.",
    "targets": "To predict signals like the one it was trained on, and to learn how a hidden state "
    "is carried.",
    "codes": "To encode rows like those it was trained on as a few numbers, to reconstruct "
    "them, and to study these codes.",
}

_LIMITS = (
    "It is not tested for any other use: not on rows from another source, not for decisions about "
    "people, not where an error does harm.",
    "The results are those of one training with one seed; other seeds give other results "
    "(`--seeds 5` shows how much they differ).",
    "They do not show how reliable predictions are for rows unlike the training rows.",
)

_MNIST = (
    "The bundled MNIST files (Y. LeCun, C. Cortes, C. J. C. Burges) are under the Creative Commons "
    "Attribution-Share Alike 3.0 licence, not under that of the program."
)


CARD = "README.md"

IN_CARD = 10
"""Weights of a kind that are listed of each target."""


def write_card(run: Run, tables: Sequence[Table] = ()) -> Path:
    """Write the model card into the run folder; return its path (`MachineError`)."""
    return write_page(run, CARD, card_text(run, tables))


def card_text(run: Run, tables: Sequence[Table] = (), file: str | None = None) -> str:
    """Return the model card of `run`, finished or not, as Markdown, with its forecasts if given.

    Its commands are of the run's folder, or of the model `file` that lies beside the card.
    """
    facts = RunFacts(run)
    top = results.headline(facts)
    parts = [
        _metadata(facts),
        f"# {_escaped(facts.title)}",
        *([_escaped(facts.answered)] if facts.answered else []),
        f"**{_escaped(top.value)}** {_escaped(top.name)}.",
    ]
    parts += [_escaped(top.comparison)]
    parts += [f"> {_escaped(line)}" for line in facts.warnings()]
    parts += ["## Intended use", _INTENDED[facts.kind.answers]]
    parts += ["## Data", _terms(facts.data())]
    parts += ["## Training", *_training(facts)]
    parts += ["## Results", *_results(facts)]
    parts += _forecast(facts, tables)
    parts += ["## Limits", "\n".join(f"- {line}" for line in (*_tested(facts), *_LIMITS))]
    parts += ["## Use it", *_use(facts, file)]
    if facts.bundled and facts.data_name == "MNIST":
        parts += ["## Licence of the data", _MNIST]
    parts += [f"Written by hiddenstate {__version__} from the run folder."]
    return "\n\n".join(parts) + "\n"


def _metadata(facts: RunFacts) -> str:
    """Return the head in YAML; a license is not in it, since the program does not know of any."""
    model = facts.model
    pixels = model is not None and model.transform.pixels
    if facts.kind.has_codes:
        task, tags = "feature-extraction", ["autoencoder"]
    elif facts.kind.has_classes:
        task = "image-classification" if pixels else "tabular-classification"
        tags = ["sequence-classification"]
    else:
        ahead = model is not None and model.transform.reading.get("horizon")
        task = "time-series-forecasting" if ahead else "tabular-regression"
        tags = ["sequence-regression"]
    if model is not None and not model.net.kind.has_codes:
        tags = [model.net.recurrent.cell, *tags, *(["time-series"] if not pixels else [])]
    lines = ["---", "library_name: hiddenstate", f"pipeline_tag: {task}", "tags:"]
    return "\n".join([*lines, *(f"- {tag}" for tag in ("hiddenstate", *tags)), "---"])


def _training(facts: RunFacts) -> list[str]:
    """The network, the options, the environment, and what happened."""
    parts, net = [], facts.net()
    if net is not None:
        does_not = "" if facts.answer.by_net else ", which does not answer,"
        parts += [
            f"The network{does_not} has {net.n_parameters():,} parameters:",
            _fenced(net.describe()),
        ]
        training = facts.config.training
        if training.quantize is not None:
            parts.append(
                f"It answers in integers: weights of 8 bits, and {training.state_bits} bits "
                "between layers. The last tenth of the updates rounded as integers."
            )
        if (zeros := facts.zeros()) is not None:
            parts.append(f"{zeros:.1%} of its weights are 0.")
    changed = [setting for setting in facts.settings() if setting.changed]
    if changed:
        rows = [[_code(s.flag), _escaped(s.value), _escaped(s.default)] for s in changed]
        parts += ["Options that differ from their defaults:"]
        parts += [_table(("option", "value", "default"), rows)]
    else:
        parts += ["All options have their defaults."]
    parts += ["Environment:", _terms(facts.environment())]
    events = facts.events()
    return [*parts, "What happened:", _terms(events)] if events else parts


def _results(facts: RunFacts) -> list[str]:
    """The comparison with the baseline, and all results with their definitions."""
    parts, compared = [], results.baseline(facts)
    if compared is not None:
        parts += [_escaped(compared.in_words())]
    for title, table in results.tables(facts).items():
        rows = [
            [_escaped(row.entry.title), _escaped(row.value), _escaped(row.entry.definition)]
            for row in table
        ]
        parts += [f"{title}:", _table(("result", "value", "definition"), rows)]
    classes = results.by_class(facts)
    if classes:
        rows = [
            [
                _escaped(one.label),
                f"{one.n_rows:,}",
                f"{100 * one.correct:.2f} %" if one.n_rows else "",
                f"{one.f1:.4f}" if one.n_rows else "",
            ]
            for one in classes
        ]
        parts += ["By class:", _table(("class", "test rows", "correct", "F1"), rows)]
    return parts or ["There are no results yet."]


def _forecast(facts: RunFacts, tables: Sequence[Table]) -> list[str]:
    """What answers a forecast, the forecast and its scores, and the weights of the path."""
    of_series = series_parts(facts)
    tables = [*tables, *([of_series] if of_series else []), *weights(facts, IN_CARD)]
    parts = [_escaped(line) for line in answer(facts)]
    for table in tables:
        rows = [[_escaped(cell) for cell in row] for row in table.rows]
        parts += [f"{_escaped(table.title)}:", _table([_escaped(h) for h in table.head], rows)]
    return ["## The forecast", *parts] if parts else []


def _tested(facts: RunFacts) -> list[str]:
    """What the run was tested on."""
    if "test" not in "".join(facts.results):
        return ["It was not tested on held-out rows: its error on other rows is unknown."]
    n = facts.run.n_rows("test")
    rows = "rows" if n is None else f"{n:,} rows"
    lines = [f"It was tested on {rows} that were provided with, or held out of, the same data."]
    if n is not None and n < 100 and not any(name.endswith("_low") for name in facts.results):
        lines.append("With so few test rows, the results have a large margin of error.")
    return lines


def _use(facts: RunFacts, file: str | None) -> list[str]:
    """How to load, use and train it again."""
    listed = uses(facts.run, file)
    parts = [f"{_escaped(title)}:\n\n{_fenced(line, 'sh')}" for title, line in listed]
    if facts.model is not None:
        lines = python_lines(facts.run, facts.model.row_shape, file)
        parts += ["In Python:", _fenced(lines, "python")]
    command = training_command(facts.run)
    if command is None:
        return [*parts, "It was trained on arrays in Python, which no command can load again."]
    return [*parts, "Train it again with the same seed:", _fenced(command, "sh")]


def _escaped(value: object) -> str:
    """Escape a text so that Markdown shows it literally, on one line."""
    shown = _BEGINS.sub(r"\1\\\2", _MARKS.sub(r"\\\1", printable(value, MAX_TEXT)))
    return _LINKS.sub(lambda match: "\\" + match[0], shown)


def _code(value: str) -> str:
    """Format a name of the program as code."""
    return f"`{value}`"


def _fenced(content: str, language: str = "") -> str:
    """Put lines into a fence that is longer than any in them."""
    longest = max((len(run) for run in re.findall(r"`+", content)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{content}\n{fence}"


def _terms(pairs: Iterable[tuple[str, str]]) -> str:
    """List names with their texts, one per line."""
    return "\n".join(f"- {_escaped(name)}: {_escaped(text)}" for name, text in pairs)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; its cells are Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
