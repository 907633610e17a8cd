"""A run's model card: the report's facts as Markdown, to lie beside the model.

No drawing and no torch: it is written at the end of a training too.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from hiddenstate import __version__
from hiddenstate.errors import printable
from hiddenstate.report import commands, results
from hiddenstate.report.facts import RunFacts
from hiddenstate.runs import Run
from hiddenstate.runs.writer import write_page

LONGEST = 1000
"""Characters of a text that are shown."""

_MARKS = re.compile(r"([\\`*_\[\]|<>~$&@#])")
_BEGINS = re.compile(r"^(\d*)([-+=.)])(?=[-=\s]|$)")
_LINKS = re.compile(r"(?i)(:)(?=//)|(?<=www)(\.)")

_INTENDED = {
    "classify": "To name the class of sequences like those it was trained on, and to learn how "
    "recurrent networks read.",
    "regress": "To follow signals like the one it was trained on, and to learn how a hidden state "
    "is carried.",
    "autoencode": "To press rows like those it was trained on into a few numbers and build them "
    "again, and to look at that code.",
}

_LIMITS = (
    "It is not tested for any use beside the figures above: not on rows of another source, not for "
    "decisions about people, not where an error does harm.",
    "The figures are of one training with one seed; another seed gives others (`--seeds 5` tells "
    "how far apart).",
    "It says nothing of how sure one may be of an answer on rows unlike the training rows.",
)

_MNIST = (
    "The bundled MNIST files (Y. LeCun, C. Cortes, C. J. C. Burges) are under the Creative Commons "
    "Attribution-Share Alike 3.0 licence, not the program's."
)


CARD = "README.md"


def write_card(run: Run) -> Path:
    """Write the model card into the run's folder; return its path (`MachineError`)."""
    return write_page(run, CARD, card_text(run))


def card_text(run: Run) -> str:
    """The model card of `run` as Markdown.

    Parameters
    ----------
    run : Run
        Finished, or as far as it is.
    """
    facts = RunFacts(run)
    top = results.headline(facts)
    parts = [f"# {_escaped(facts.title)}", f"**{_escaped(top.value)}** {_escaped(top.what)}."]
    parts += [_escaped(top.beside)]
    parts += [f"> {_escaped(line)}" for line in facts.warnings()]
    parts += ["## Intended use", _INTENDED[facts.job]]
    parts += ["## Data", _terms(facts.data())]
    parts += ["## Training", *_training(facts)]
    parts += ["## Figures", *_figures(facts)]
    parts += ["## Limits", "\n".join(f"- {line}" for line in (*_held_out(facts), *_LIMITS))]
    parts += ["## Use it", *_use(facts)]
    if facts.bundled and facts.data_name == "MNIST":
        parts += ["## Licence of the data", _MNIST]
    parts += [f"Written by hiddenstate {__version__} from the run's folder."]
    return "\n\n".join(parts) + "\n"


def _training(facts: RunFacts) -> list[str]:
    """Net, options, machine, and what happened."""
    told, net = [], facts.net()
    if net is not None:
        told += [f"{net.n_parameters():,} numbers are trained:", _fenced(net.describe())]
    changed = [setting for setting in facts.settings() if setting.changed]
    if changed:
        rows = [[_code(s.flag), _escaped(s.value), _escaped(s.default)] for s in changed]
        told += ["Options that differ from the defaults:"]
        told += [_table(("option", "value", "default"), rows)]
    else:
        told += ["Every option has its default."]
    told += ["What computed it:", _terms(facts.environment())]
    story = facts.story()
    return [*told, "What happened:", _terms(story)] if story else told


def _figures(facts: RunFacts) -> list[str]:
    """Every figure with how it was computed, and the one that counts beside its baseline."""
    told, compared = [], results.baseline(facts)
    if compared is not None:
        told += [_escaped(compared.in_words())]
    for title, figures in results.numbers(facts).items():
        rows = [
            [_escaped(entry.title), _escaped(value), _escaped(entry.how)]
            for _, value, entry in figures
        ]
        told += [f"{title}:", _table(("figure", "value", "how it was computed"), rows)]
    classes = results.by_class(facts)
    if classes:
        rows = [
            [_escaped(label), f"{n:,}", f"{100 * right:.2f} %" if n else "", f"{f1:.4f}"]
            for label, n, right, f1 in classes
        ]
        told += ["Class by class:", _table(("class", "test rows", "named right", "F1"), rows)]
    return told or ["No figures were written yet."]


def _held_out(facts: RunFacts) -> list[str]:
    """What the test rows can say."""
    n = facts.rows("test")
    if not n or "test" not in "".join(facts.results):
        return ["It was not tested on rows held out: what it does on other rows is unknown."]
    found = [f"It was tested on {n:,} rows that came with, or were held out of, the same data."]
    if n < 100:
        found.append("So few test rows leave a wide margin around the figures.")
    return found


def _use(facts: RunFacts) -> list[str]:
    """Loading it, asking it, and running it again."""
    told = [
        f"{_escaped(what[:1].upper() + what[1:])}:\n\n{_fenced(line, 'sh')}"
        for what, line in commands.uses(facts.run)
    ]
    if facts.model is not None:
        lines = commands.python(facts.run, facts.model.row_shape)
        told += ["In Python:", _fenced(lines, "python")]
    command = commands.command(facts.run)
    if command is None:
        return [*told, "It was trained on arrays in Python, which no command can load again."]
    return [*told, "Train it again, with the same seed:", _fenced(command, "sh")]


def _escaped(value: object) -> str:
    """A text on one line that Markdown shows as it is."""
    shown = _BEGINS.sub(r"\1\\\2", _MARKS.sub(r"\\\1", printable(value, LONGEST)))
    return _LINKS.sub(lambda found: "\\" + found[0], shown)


def _code(value: str) -> str:
    """A name of the program's own as code."""
    return f"`{value}`"


def _fenced(content: str, language: str = "") -> str:
    """Lines as they are, within a fence longer than any in them."""
    longest = max((len(run) for run in re.findall(r"`+", content)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{content}\n{fence}"


def _terms(pairs: Iterable[tuple[str, str]]) -> str:
    """Names with what they are, a line each."""
    return "\n".join(f"- {_escaped(term)}: {_escaped(told)}" for term, told in pairs)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
