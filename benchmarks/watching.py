"""Measures how much a live view slows training, by alternating runs with and without it.

    python benchmarks/watching.py                  # all jobs and views, about 40 minutes
    python benchmarks/watching.py classify --view terminal --rounds 3
    python benchmarks/watching.py --turns          # within runs, less sensitive to other work
    python benchmarks/watching.py regress --view terminal --toy   # only tests the script

For long runs, the table compares the seconds of training. For short runs (the jobs without
arguments), it reports how long the training thread was busy with its view. With `--turns`, the
process that draws is stopped and continued every few seconds, and the updates per second in each
turn are compared with those of the turns before and after it. The window requires a display;
without one, Xvfb is started if it is installed. nbclient runs the notebook.
"""

import argparse
import importlib
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from timing import interleave, machine, print_machine, print_table, spread

VIEWS = ("window", "terminal", "notebook")
LONG: dict[str, dict[str, Any]] = {
    "classify": {"epochs": 40},
    "regress": {"windows": 400_000, "epochs": 40, "log_every": 10_000},
    "autoencode": {"epochs": 120},
}
"""Options with which each job trains for at least 30 s on two cores."""

TOY: dict[str, dict[str, Any]] = {
    "classify": {"max_steps": 20, "n_evaluated": 100},
    "regress": {"windows": 40_000, "log_every": 2000, "threads": 1},  # enough for some turns
    "autoencode": {"max_steps": 20},
}
"""Options of `--toy`, for short and long runs."""

SIZE = (40, 120)
"""Number of lines and columns of the terminal."""

Pace = tuple[float, float]
"""Seconds for a view to start, and seconds of a turn."""

PACE, TOY_PACE = (3.0, 4.0), (0.0, 0.05)
"""A turn is longer than the time between two frames, except with `--toy`."""


def train(job: str, view: str, options: dict[str, Any], pace: Pace | None = None) -> dict[str, Any]:
    """Train `job` with `view` in this process; return the seconds of training and of view hooks.

    With a `pace`, the view is stopped and continued in turns, and its slowdown returned in percent.
    """
    from hiddenstate.live import notebook
    from hiddenstate.live.launch import Viewer
    from hiddenstate.training.start import plan, start
    from hiddenstate.training.trainer import Callback

    spent = drawn = 0.0

    class Timed(Callback):
        """Times the hooks of another callback, except `on_end`, which runs after training."""

        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def on_start(self, trainer: Any) -> None:
            self._time(self.inner.on_start, trainer)

        def on_chunk(self, trainer: Any, chunk: Any) -> None:
            self._time(self.inner.on_chunk, trainer, chunk)

        def _time(self, hook: Any, *details: Any) -> None:
            nonlocal spent
            began = time.perf_counter()
            hook(*details)
            spent += time.perf_counter() - began

    class Clock(Callback):
        """Records when training began and ended."""

        began = ended = 0.0

        def on_start(self, trainer: Any) -> None:
            self.began = time.perf_counter()

        def on_end(self, trainer: Any, results: Any) -> None:
            self.ended = time.perf_counter()

    class Drawing(Callback):
        """Records the processor time of the drawing process when training ends."""

        def __init__(self, shown: Any) -> None:
            self.shown = shown

        def on_end(self, trainer: Any, results: Any) -> None:
            nonlocal drawn
            drawn = worked(drawing_process(self.shown))

    class Turns(Callback):
        """Stops and continues the drawing process; records the time of updates and turns."""

        def __init__(self, shown: Any, pace: Pace) -> None:
            self.shown, self.pace, self.over = shown, pace, threading.Event()
            self.made: list[tuple[float, int]] = []
            self.marks: list[tuple[float, bool]] = []

        def on_start(self, trainer: Any) -> None:
            threading.Thread(target=self._take_turns, daemon=True).start()

        def on_chunk(self, trainer: Any, chunk: Any) -> None:
            self.made.append((time.perf_counter(), trainer.step))

        def on_end(self, trainer: Any, results: Any) -> None:
            self.over.set()
            os.kill(drawing_process(self.shown), signal.SIGCONT)

        def _take_turns(self) -> None:
            start, turn = self.pace
            time.sleep(start)
            draws = True
            while not self.over.wait(turn):
                draws = not draws
                number = signal.SIGCONT if draws else signal.SIGSTOP
                os.kill(drawing_process(self.shown), number)
                self.marks.append((time.perf_counter(), draws))

    with tempfile.TemporaryDirectory(prefix="watching-") as folder:
        config, dataset = plan(job, options)
        with start(config, Path(folder), dataset=dataset) as session:
            path, clock = session.writer.path, Clock()
            shown: Any = None
            if view == "notebook":  # the picture, which a process draws; a widget has none
                patch.object(notebook, "is_installed", lambda module: False).start()
            if view != "off":
                shown = notebook.NotebookView(path) if view == "notebook" else Viewer(path, view)
            taken = Turns(shown, pace or PACE)
            hooks = [*([taken] if pace else []), Timed(shown), Drawing(shown)] if shown else []
            session.train([clock, *hooks])
        if isinstance(shown, Viewer):
            shown.finish(0.0)  # without the replay that a short run ends with
        elif shown is not None:
            shown.finish()
        if shown is not None:
            process = getattr(shown, "_process", None)
            if process is not None:
                process.kill()
                process.wait()
    slowed = slowed_by(taken.made, taken.marks)
    return {"seconds": clock.ended - clock.began, "waited": spent, "drawn": drawn, "slowed": slowed}


def drawing_process(shown: Any) -> int:
    """Return the id of the process that draws a view."""
    process: int = getattr(shown, "_reader", shown)._process.pid
    return process


def slowed_by(made: list[tuple[float, int]], marks: list[tuple[float, bool]]) -> list[float]:
    """Return the slowdown by drawing in percent, for each turn between two others.

    Parameters
    ----------
    made : list of (float, int)
        Times, and the number of updates made by then.
    marks : list of (float, bool)
        Times at which a turn began, and whether the view draws in it.
    """
    if not made:
        return []
    times, steps = zip(*made, strict=True)
    marks = [mark for mark in marks if times[0] < mark[0] < times[-1]]
    began = [when for when, _ in marks]
    rates = np.diff(np.interp(began, times, steps)) / np.diff(began)
    slowdowns = []
    for n in range(1, len(rates) - 1):
        around = (rates[n - 1] + rates[n + 1]) / 2
        drawn, without = (rates[n], around) if marks[n][1] else (around, rates[n])
        slowdowns.append(100 * (without / drawn - 1))
    return slowdowns


def worked(process: int) -> float:
    """Return the processor seconds that a process has used; 0 if the system has no figure."""
    try:
        parts = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def one(job: str, view: str, options: dict[str, Any], pace: Pace | None = None) -> dict[str, Any]:
    """Run `train` in a separate process, terminal or notebook, as the view requires."""
    if view == "notebook":
        return _in_notebook(job, options, pace)
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        command = [sys.executable, __file__, job, "--child", view, "--answer", str(answer)]
        command += ["--options", json.dumps(options), "--pace", json.dumps(pace)]
        if view == "terminal":
            _in_terminal(command)
        else:
            subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        results: dict[str, Any] = json.loads(answer.read_text())
    return results


def _in_terminal(command: list[str]) -> None:
    """Run `command` on a new pseudo-terminal; read and discard its output."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        os.execvp(command[0], command)
    import fcntl
    import struct
    import termios

    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
    while True:
        select.select([terminal], [], [], 1.0)
        try:
            if not os.read(terminal, 65536):
                break
        except OSError:  # the last process on the terminal has ended
            break
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        raise SystemExit("the run on a terminal failed")


def _in_notebook(job: str, options: dict[str, Any], pace: Pace | None) -> dict[str, Any]:
    """Run `train` in a kernel, like a cell of a notebook."""
    import nbclient

    nbformat: Any = importlib.import_module("nbformat")  # its functions have no types

    code = (
        f"import sys, json; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from watching import train\n"
        f"print(json.dumps(train({job!r}, 'notebook', {options!r}, {pace!r})))"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbclient.NotebookClient(notebook, timeout=600).execute()
    text = "".join(o["text"] for o in notebook.cells[0].outputs if o.output_type == "stream")
    results: dict[str, Any] = json.loads(text)
    return results


@contextmanager
def display() -> Iterator[bool]:
    """Yield whether there is a display; start a virtual one if there is none."""
    if os.environ.get("DISPLAY"):
        yield True
        return
    if not shutil.which("Xvfb"):
        yield False
        return
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1600x1000x24"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as stream:
            os.environ["DISPLAY"] = f":{stream.readline().strip()}"
        yield True
    finally:
        server.terminate()
        server.wait()
        del os.environ["DISPLAY"]


def long_runs(jobs: list[str], views: list[str], rounds: int, toy: bool) -> None:
    """Print the seconds of training with each view and without, and the share of a core drawing.

    Other work on the machine can only slow a run down, so the fastest runs are compared too.
    """
    rows = []
    for job in jobs:
        options = TOY[job] if toy else LONG[job]
        tasks = {view: partial(one, job, view, options) for view in ("off", *views)}
        done = interleave(tasks, rounds)
        times = {view: [each["seconds"] for each in runs] for view, runs in done.items()}
        for view in views:
            more = [100 * (a / b - 1) for a, b in zip(times[view], times["off"], strict=True)]
            fastest = 100 * (min(times[view]) / min(times["off"]) - 1)
            share = [100 * each["drawn"] / each["seconds"] for each in done[view]]
            rows.append(
                [
                    job,
                    view,
                    f"{spread(times['off']):.1f}",
                    f"{spread(more):+.1f} %",
                    f"{fastest:+.1f} %",
                    f"{spread(share):.1f} %",
                ]
            )
    heads = ["job", "view", "seconds without", "more with it", "fastest", "of a core drawing"]
    print_table(heads, rows)


def in_turns(jobs: list[str], views: list[str], rounds: int, toy: bool) -> None:
    """Print how much slower training is while a view draws than while it is stopped, in one run."""
    rows, pace = [], TOY_PACE if toy else PACE
    for job in jobs:
        options = TOY[job] if toy else LONG[job]
        tasks = {view: partial(one, job, view, options, pace) for view in views}
        for view, runs in interleave(tasks, rounds).items():
            slowed = np.array([turn for each in runs for turn in each["slowed"]])
            low, middle, high = (
                np.quantile(slowed, (0.25, 0.5, 0.75)) if len(slowed) else [np.nan] * 3
            )
            share = [100 * each["drawn"] / each["seconds"] for each in runs]
            rows.append(
                [
                    job,
                    view,
                    str(len(slowed)),
                    f"{middle:+.1f} ({low:+.1f} .. {high:+.1f}) %",
                    f"{spread(share):.1f} %",
                ]
            )
    print_table(["job", "view", "turns", "slower (middle half)", "of a core drawing"], rows)


def short_runs(jobs: list[str], views: list[str], rounds: int, toy: bool) -> None:
    """Print how long the training thread was busy with its view, in jobs without arguments."""
    rows = []
    for job in jobs:
        tasks = {view: partial(one, job, view, TOY[job] if toy else {}) for view in views}
        for view, runs in interleave(tasks, rounds).items():
            share = [100 * each["waited"] / each["seconds"] for each in runs]
            waited = spread([1000 * each["waited"] for each in runs])
            seconds = spread([each["seconds"] for each in runs])
            rows.append([job, view, f"{seconds:.2f}", f"{waited:.1f}", f"{spread(share):.2f} %"])
    print_table(["job", "view", "seconds", "waited, ms", "of them"], rows)


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("jobs", nargs="*", metavar="JOB", help="classify, regress, autoencode")
    parser.add_argument("--view", action="append", choices=VIEWS, dest="views")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--short", action="store_true", help="only short runs")
    parser.add_argument("--turns", action="store_true", help="only turns within long runs")
    parser.add_argument("--toy", action="store_true", help="one tiny round, to test the script")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--answer", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--options", type=json.loads, default={}, help=argparse.SUPPRESS)
    parser.add_argument("--pace", type=json.loads, help=argparse.SUPPRESS)
    return parser


def main(words: Sequence[str] | None = None) -> None:
    """Run the selected measurements."""
    args = arguments().parse_args(words)
    jobs = args.jobs or list(LONG)
    if args.child:
        answer = train(jobs[0], args.child, args.options, args.pace)
        args.answer.write_text(json.dumps(answer))
        return
    print_machine(machine(0))
    views, rounds = args.views or list(VIEWS), 1 if args.toy else args.rounds
    with display() as has_display:
        if "window" in views and not has_display:
            print("window: skipped, there is no display and no Xvfb")
            views.remove("window")
        if args.turns:
            in_turns(jobs, views, rounds, args.toy)
            return
        short_runs(jobs, views, rounds, args.toy)
        if not args.short:
            long_runs(jobs, views, rounds, args.toy)


if __name__ == "__main__":
    main()
