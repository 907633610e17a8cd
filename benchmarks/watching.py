"""What watching costs training: runs with each view beside runs without, taking turns.

    python benchmarks/watching.py                  # all jobs and views: about forty minutes
    python benchmarks/watching.py classify --view terminal --rounds 3

Long runs are compared by the seconds that training took; of short ones, the jobs with no
arguments, it is told how long the training thread itself was busy with its view. The window needs a
display; without one, Xvfb is started where it is installed. The notebook is run by nbclient.
"""

import argparse
import json
import os
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from timing import interleave, machine, print_machine, print_table, spread

VIEWS = ("window", "terminal", "notebook")
LONG: dict[str, dict[str, Any]] = {
    "classify": {"epochs": 40},
    "regress": {"windows": 400_000, "epochs": 40, "log_every": 10_000},
    "autoencode": {"epochs": 120},
}
"""Options that make each job train for 30 s and more on two cores."""

SIZE = (40, 120)
"""Lines and columns of the terminal."""


def train(job: str, view: str, options: dict[str, Any]) -> dict[str, float]:
    """Train `job` seen in `view` in this process; seconds of training, and of its view's hooks."""
    from hiddenstate.session import plan, start
    from hiddenstate.trainer import Callback
    from hiddenstate.views.launch import NotebookView, Viewer

    spent = drawn = 0.0

    class Timed(Callback):
        """The hooks of another, timed; not its end, which comes after training."""

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
        """When training began and ended."""

        began = ended = 0.0

        def on_start(self, trainer: Any) -> None:
            self.began = time.perf_counter()

        def on_end(self, trainer: Any, results: Any) -> None:
            self.ended = time.perf_counter()

    class Drawing(Callback):
        """Processor time of what draws, when training ends."""

        def __init__(self, shown: Any) -> None:
            self.shown = shown

        def on_end(self, trainer: Any, results: Any) -> None:
            nonlocal drawn
            reader = getattr(self.shown, "_reader", self.shown)
            drawn = worked(reader._process.pid)

    with tempfile.TemporaryDirectory(prefix="watching-") as folder:
        config, dataset = plan(job, options)
        with start(config, Path(folder), dataset=dataset) as session:
            path, clock = session.writer.path, Clock()
            shown: Any = None
            if view != "off":
                shown = NotebookView(path) if view == "notebook" else Viewer(path, view)
            hooks = [Timed(shown), Drawing(shown)] if shown else []
            session.train([clock, *hooks])
        if shown is not None:
            shown.finish()
            process = getattr(shown, "_process", None)
            if process is not None:
                process.kill()
                process.wait()
    return {"seconds": clock.ended - clock.began, "waited": spent, "drawn": drawn}


def worked(process: int) -> float:
    """Processor seconds that a process has used; 0 where the system does not say."""
    try:
        parts = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def one(job: str, view: str, options: dict[str, Any]) -> dict[str, float]:
    """The same in a process that has the view's surroundings."""
    if view == "notebook":
        return _in_notebook(job, options)
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        command = [sys.executable, __file__, job, "--child", view, "--answer", str(answer)]
        command += ["--options", json.dumps(options)]
        if view == "terminal":
            _in_terminal(command)
        else:
            subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        found: dict[str, float] = json.loads(answer.read_text())
    return found


def _in_terminal(command: list[str]) -> None:
    """Run `command` on a terminal of its own; what it writes is read and dropped."""
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
        except OSError:  # the last process on it has ended
            break
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        raise SystemExit("the run on a terminal failed")


def _in_notebook(job: str, options: dict[str, Any]) -> dict[str, float]:
    """Run it in a kernel, as a notebook's cell does."""
    import nbclient
    import nbformat

    code = (
        f"import sys, json; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        f"from watching import train\nprint(json.dumps(train({job!r}, 'notebook', {options!r})))"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbclient.NotebookClient(notebook, timeout=600).execute()
    text = "".join(o["text"] for o in notebook.cells[0].outputs if o.output_type == "stream")
    found: dict[str, float] = json.loads(text)
    return found


@contextmanager
def display() -> Iterator[bool]:
    """Whether there is a display; one without a screen is started where there is none."""
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


def long_runs(jobs: list[str], views: list[str], rounds: int) -> None:
    """Seconds of training with each view against none, and the share of a core that drew.

    Other work on the machine can only make a run slower: the fastest of each are compared too.
    """
    rows = []
    for job in jobs:
        tasks = {view: partial(one, job, view, LONG[job]) for view in ("off", *views)}
        gave = interleave(tasks, rounds)
        times = {view: [each["seconds"] for each in found] for view, found in gave.items()}
        for view in views:
            more = [100 * (a / b - 1) for a, b in zip(times[view], times["off"], strict=True)]
            fastest = 100 * (min(times[view]) / min(times["off"]) - 1)
            share = [100 * each["drawn"] / each["seconds"] for each in gave[view]]
            rows.append(
                [job, view, f"{spread(times['off']):.1f}", f"{spread(more):+.1f} %",
                 f"{fastest:+.1f} %", f"{spread(share):.1f} %"]
            )  # fmt: skip
    heads = ["job", "view", "seconds without", "more with it", "fastest", "of a core drawing"]
    print_table(heads, rows)


def short_runs(jobs: list[str], views: list[str], rounds: int) -> None:
    """How long the training thread was busy with its view, in the jobs with no arguments."""
    rows = []
    for job in jobs:
        tasks = {view: partial(one, job, view, {}) for view in views}
        for view, gave in interleave(tasks, rounds).items():
            share = [100 * each["waited"] / each["seconds"] for each in gave]
            waited = spread([1000 * each["waited"] for each in gave])
            seconds = spread([each["seconds"] for each in gave])
            rows.append([job, view, f"{seconds:.2f}", f"{waited:.1f}", f"{spread(share):.2f} %"])
    print_table(["job", "view", "seconds", "waited, ms", "of them"], rows)


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("jobs", nargs="*", metavar="JOB", help="classify, regress, autoencode")
    parser.add_argument("--view", action="append", choices=VIEWS, dest="views")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--short", action="store_true", help="short runs alone")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--answer", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--options", type=json.loads, default={}, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    jobs = asked.jobs or list(LONG)
    if asked.child:
        answer = train(jobs[0], asked.child, asked.options)
        asked.answer.write_text(json.dumps(answer))
        return
    print_machine(machine(0))
    views = asked.views or list(VIEWS)
    with display() as there:
        if "window" in views and not there:
            print("window: left out, there is no display and no Xvfb")
            views.remove("window")
        short_runs(jobs, views, asked.rounds)
        if not asked.short:
            long_runs(jobs, views, asked.rounds)


if __name__ == "__main__":
    main()
