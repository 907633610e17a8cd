"""Lists the runs of a folder, fast enough for thousands of them.

A row of the list reads the settings and the last lines of a run alone, and is kept until one of
these files changes. Whoever opens a run gets all of its checks; the list is an overview.
"""

import hashlib
import itertools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from hiddenstate.config import job_options
from hiddenstate.config.option import JOBS
from hiddenstate.errors import HiddenstateError, printable
from hiddenstate.metrics.comparison import compare
from hiddenstate.metrics.glossary import entry_of, interval_in_words, written
from hiddenstate.metrics.headline import headline
from hiddenstate.metrics.intervals import interval_of
from hiddenstate.metrics.target_scores import (
    PINBALL,
    TargetScore,
    changes_since,
    season_ago,
    target_scores,
    with_targets,
)
from hiddenstate.metrics.units import ago, period_of
from hiddenstate.runs import Run
from hiddenstate.runs.last_lines import lines_from_end
from hiddenstate.runs.record import read_record, seed_of
from hiddenstate.runs.status import status_of
from hiddenstate.system import threads
from hiddenstate.system.atomic_file import TEMPORARY

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


MOST_TARGETS = 2
"""Targets whose scores a row has."""


class UnknownRunError(HiddenstateError):
    """No run has this number."""


@dataclass(frozen=True)
class Row:
    """A run in the list.

    Parameters
    ----------
    id : str
        What addresses call it.
    name, job, data, status : str
    metric, title : str
        Name of the score, as it is logged and in words.
    score, baseline : float or None
        The score, and what is reached without a network.
    score_text, baseline_text, interval_text : str
        The same in words, and the interval of the score on few rows.
    within : dict, optional
        The ends of that interval and what it is drawn from, for other languages than English.
    more : int
        The targets whose scores the text leaves out.
    worse, tie : bool
        Whether the score is worse by more than chance, and whether there is no clear difference.
    sizes : tuple of float, optional
        The score and that of the baseline as they are compared, for a bar.
    words : str
        All scores of the targets of a regression.
    targets : list of dict
        The same as values, for other languages than English.
    is_share : bool
        Whether the score is a share, of which more is better; else less is.
    steps : int
        Updates made.
    seconds : float or None
        Wall time of a run that is done.
    changed : float
        When its settings were written, in seconds since 1970.
    started : str
        Local date and time.
    options : dict
        The options that differ from their defaults.
    """

    id: str
    name: str
    job: str
    data: str
    status: str
    metric: str
    title: str
    score: float | None
    baseline: float | None
    score_text: str
    baseline_text: str
    interval_text: str
    within: dict[str, Any] | None
    more: int
    worse: bool
    tie: bool
    sizes: tuple[float, float] | None
    words: str
    targets: list[dict[str, Any]]
    is_share: bool
    steps: int
    seconds: float | None
    changed: float
    started: str
    options: dict[str, Any]


def id_of(name: str) -> str:
    """Return what addresses call a folder: its name, or a number if it has unusual signs."""
    if _PLAIN.fullmatch(name) and ".." not in name:
        return name
    return "~" + hashlib.sha256(os.fsencode(name)).hexdigest()[:20]


class RunIndex:
    """The runs in a folder, and perhaps one that lies elsewhere; threads may share it.

    Parameters
    ----------
    runs_dir : Path
    extra : Path, optional
        The folder of another run.
    """

    def __init__(self, runs_dir: Path, extra: Path | None = None) -> None:
        self.runs_dir = runs_dir
        self._extra = (
            [] if extra is None or extra.parent.resolve() == runs_dir.resolve() else [extra]
        )
        self._ids: dict[str, str] = {}
        self._paths: dict[str, Path] = {}
        self._changed: dict[str, float] = {}
        self._rows: dict[str, tuple[tuple[int, ...], Row, str]] = {}
        self._runs: dict[str, tuple[float, Run]] = {}
        self._lock = threads.Lock()

    def refresh(self) -> None:
        """Look for runs that were added or removed."""
        paths: dict[str, Path] = {}
        changed: dict[str, float] = {}
        for path in [*self._found(), *map(str, self._extra)]:
            try:
                time = os.lstat(f"{path}/config.json").st_mtime
            except OSError:  # some other folder
                continue
            run = self._ids.get(path)
            if run is None:
                run = self._ids[path] = id_of(os.path.basename(path))
            paths[run] = self._paths.get(run) or Path(path)
            changed[run] = time
        with self._lock:
            self._paths, self._changed = paths, changed
            if len(self._rows) > len(paths) or len(self._runs) > len(paths):
                self._rows = {run: row for run, row in self._rows.items() if run in paths}
                self._runs = {run: kept for run, kept in self._runs.items() if run in paths}

    def _found(self) -> Iterator[str]:
        try:
            with os.scandir(self.runs_dir) as entries:
                for entry in entries:
                    if entry.name.startswith(TEMPORARY) or not entry.is_dir(follow_symlinks=False):
                        continue
                    yield entry.path
        except OSError:  # not there yet: no runs
            return

    def path(self, run: str) -> Path:
        """Return the folder of a run.

        Raises
        ------
        UnknownRunError
            If no run of the list has this number.
        """
        if run not in self._paths:
            self.refresh()
        path = self._paths.get(run)
        if path is None:
            raise UnknownRunError("no such run; it was moved or removed")
        return path

    def run(self, run: str) -> Run:
        """Return a run, with its settings as they are now; errors as of :class:`Run` too."""
        path = self.path(run)
        try:
            changed = (path / "config.json").lstat().st_mtime
        except OSError:
            with self._lock:
                self._paths.pop(run, None)
            raise UnknownRunError("no such run; it was moved or removed") from None
        kept = self._runs.get(run)
        if kept is None or kept[0] != changed:
            kept = (changed, Run(path))
            with self._lock:
                self._runs[run] = kept
        return kept[1]

    def ids(self) -> list[str]:
        """Return the numbers of all runs, the newest first."""
        changed = self._changed
        return sorted(changed, key=changed.__getitem__, reverse=True)

    def running(self) -> list[Path]:
        """Return the folders of the runs whose rows said that they are running."""
        with self._lock:
            known = [run for run, (_, row, _) in self._rows.items() if row.status == "running"]
            return [self._paths[run] for run in known if run in self._paths]

    def row(self, run: str) -> Row | None:
        """Return the row of a run; None if its settings cannot be read."""
        row_and_words = self._row(run)
        return None if row_and_words is None else row_and_words[0]

    def _row(self, run: str) -> tuple[Row, str] | None:
        """Return the row of a run, and its words to search in."""
        path, changed = self._paths.get(run), self._changed.get(run)
        if path is None or changed is None:  # removed in the meantime
            return None
        kept = self._rows.get(run)
        # Whatever happens to a run that was over is in its journal too.
        state = (int(changed * 1e9), *_stamp(f"{path}/journal.jsonl"))
        if kept is not None and kept[0] == state and kept[1].status != "running":
            return kept[1:]
        try:
            row = _read_row(run, path, changed)
        except (HiddenstateError, OSError, KeyError, TypeError, ValueError, AttributeError):
            return None
        words = _words(row)
        with self._lock:
            self._rows[run] = (state, row, words)
        return row, words

    def rows(
        self,
        search: str = "",
        job: str = "",
        status: str = "",
        sort: str = "started",
        descending: bool = True,
        offset: int = 0,
        limit: int = 50,
    ) -> tuple[list[Row], int]:
        """Return rows of the list, and how many there are in all.

        Parameters
        ----------
        search : str
            Words that must all be in the name, the data, or the options.
        job, status : str
            Only these; all if empty.
        sort : str
            Name of a column; rows without a value come last.
        descending : bool
        offset, limit : int
            Which of them.
        """
        self.refresh()
        ids = self.ids()
        plain = not (search or job or status)
        if plain and sort == "started":  # only the rows that are shown are read
            if not descending:
                ids.reverse()
            shown = [self.row(run) for run in ids[offset : offset + limit]]
            return [row for row in shown if row is not None], len(ids)
        matching = [each for run in ids if (each := self._row(run)) is not None]
        asked = search.casefold().split()
        rows = [
            row
            for row, words in matching
            if (not job or row.job == job)
            and (not status or row.status == status)
            and all(word in words for word in asked)
        ]
        if sort in ("started", "changed"):
            rows.sort(key=lambda row: row.changed, reverse=descending)
        else:
            keys = [(_key(row, sort), row) for row in rows]
            known = [pair for pair in keys if pair[0] is not None]
            known.sort(key=lambda pair: pair[0], reverse=descending)
            rows = [row for _, row in known] + [row for key, row in keys if key is None]
        return rows[offset : offset + limit], len(rows)


def _key(row: Row, sort: str) -> Any:
    """The value of a column, as far as values of a column can be compared."""
    value = getattr(row, sort, None) if sort in Row.__dataclass_fields__ else row.options.get(sort)
    if isinstance(value, (bool, int, float)):
        return (0, float(value), "")
    return None if value is None else (1, 0.0, str(value).casefold())


def _words(row: Row) -> str:
    options = " ".join(f"{name}={value}" for name, value in row.options.items())
    return f"{row.name} {row.job} {row.data} {row.status} {options}".casefold()


def _stamp(path: str) -> tuple[int, int]:
    try:
        status = os.lstat(path)
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


def _read_row(run: str, path: Path, changed: float) -> Row:
    record = read_record(path / "config.json")
    sections = record["config"]
    job = sections["job"]
    if job not in JOBS:
        raise ValueError(job)
    options: dict[str, Any] = {}
    for section in sections.values():
        if isinstance(section, dict):
            options |= section
    defaults = _defaults(job)
    check = seed_of(record.get("id")), record["format"] >= 3
    last = next(lines_from_end(path / "history.jsonl", *check), {})
    journal = list(itertools.islice(lines_from_end(path / "journal.jsonl", *check), 2))
    figures = {k: v for k, v in last.items() if type(v) in (int, float)}
    done = last.get("event") == "end"
    results = figures if done else {}
    key = headline(job, results)
    score = figures.get(key)
    if score is None and not done:
        key, score = "loss", figures.get("mean_loss", figures.get("valid_loss"))
    data = record.get("data", {})
    named = with_targets(options, data)
    found = compare(job, results, named) if done else None
    targets = target_scores(results, named)
    about = entry_of(key, job)
    other = "" if found is None else written(found.other, about.kind)
    return Row(
        id=run,
        name=printable(path.name, 100),
        job=job,
        data=printable(data.get("name", ""), 100),
        status=status_of(path, last, journal),
        metric=key,
        title=about.title,
        score=score,
        baseline=None if found is None else found.other,
        score_text=_score_text(targets) or ("" if score is None else written(score, about.kind)),
        baseline_text=_baseline_text(targets, other),
        interval_text="" if targets else interval_in_words(key, results, job),
        within=None if targets else within(key, results, job),
        more=max(len(targets) - MOST_TARGETS, 0),
        worse=found is not None and found.worse,
        tie=found is not None and found.tie,
        sizes=None if found is None else found.sizes,
        words="; ".join(printable(each.in_words(), 200) for each in targets[:10]),
        targets=[target_values(each, results, k) for k, each in enumerate(targets[:10], 1)],
        is_share=about.kind == "share",
        steps=int(figures.get("step", 0)) + (last.get("event") == "log"),
        seconds=next((each.get("seconds") for each in journal if each), None) if done else None,
        changed=changed,
        started=f"{datetime.fromtimestamp(changed):%Y-%m-%d %H:%M}",
        options={
            name: _plain(value)
            for name, value in options.items()
            if name in defaults and value != defaults[name]
        },
    )


def within(name: str, results: Mapping[str, Any], job: str) -> dict[str, Any] | None:
    """Return the ends of the interval of a score and what it is drawn from, if it has one."""
    interval = interval_of(name, results)
    if interval is None or interval.ends is None:
        return None
    low, high = (written(end, entry_of(name, job).kind) for end in interval.ends)
    return {"low": low, "high": high, "n": interval.n, "of": interval.kind}


def target_values(score: TargetScore, results: Mapping[str, Any], k: int) -> dict[str, Any]:
    """Return the scores of target `k`, from 1, as values, for other languages than English."""
    days, steps = season_ago(results, k)
    when, since = (steps, "step") if steps else period_of(days or 0), ago(days, steps)
    return {
        "name": printable(score.name, 80),
        "scaled": score.scaled,
        "value": unbroken(score.value),
        "other": None if score.other is None else unbroken(score.other_value),
        "r2": None if score.r2 is None else f"{score.r2:.3f}",
        "series": score.series,
        "constant": score.constant,
        "is_loss": score.score == PINBALL,
        "method": score.method,
        "when": when if score.method in (since, changes_since(since)) else None,
    }


def _baseline_text(targets: Sequence[TargetScore], pooled: str) -> str:
    """Return the error of the best simple answer for a single target, else `pooled`."""
    if not targets:
        return pooled
    return unbroken(targets[0].versus) if len(targets) == 1 else ""


def unbroken(text: str) -> str:
    """Return a value in words, after its method if it has one, that no line breaks."""
    method, colon, value = text.rpartition(": ")
    return method + colon + value.replace(" ", "\N{NO-BREAK SPACE}")


def _score_text(targets: Sequence[TargetScore]) -> str:
    """Return the main score of a target, or those of several with their names."""
    if len(targets) == 1:
        return unbroken(targets[0].value)
    texts = [
        f"{printable(each.name, 40)} {unbroken(each.value)}" for each in targets[:MOST_TARGETS]
    ]
    more = len(targets) - MOST_TARGETS
    return "; ".join([*texts, f"{more} more"] if more > 0 else texts)


@lru_cache
def _defaults(job: str) -> dict[str, Any]:
    """Return the defaults of a job's options as a record holds them."""
    defaults = {option.name: option.default_for(job) for _, option in job_options(job)}
    return {n: list(v) if isinstance(v, tuple) else v for n, v in defaults.items()}


def _plain(value: Any) -> Any:
    """Return a value of an option as the page shows and sorts it."""
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return printable(value, 100) if isinstance(value, str) else value
