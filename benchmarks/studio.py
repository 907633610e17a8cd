"""Measures the studio: `python benchmarks/studio.py`, or some of its parts, such as `start page`.

start     from the command to listening, and the memory of the server then
page      bytes of scripts and style, requests elsewhere, first paint
train     from the button, a second after the data are shown, to the first answers of the own net
live      from a line in the history to the screen, and from a button to the run that obeys
frames    frames a second while a finished run plays: 2,000 codes, or the states of 28 x 64
touch     decoding a code, and reading a row, with the net of a moment
runs      the list of many runs: first rows, and a search of all, cold and warm
refusals  the time of a refused request
readers   processor time of training beside ten readers, one of them slow, to that without

Times are in milliseconds, medians of `--rounds`. page, pages, train, live, frames and touch need
playwright and chromium.
"""

import argparse
import atexit
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any

from served import COMMAND, Studio, studio
from timing import print_table

FRAMES = """(seconds) => new Promise((done) => {
  const times = [];
  const begun = performance.now();
  const next = (now) => {
    times.push(now);
    if (times.length < 3 || now - begun < 1000 * seconds) requestAnimationFrame(next);
    else done(times.slice(1).map((time, place) => time - times[place]));
  };
  requestAnimationFrame(next);
})"""

WATCH = """(before) => {
  window.seen = 0;
  const look = () => {
    const text = document.querySelector(".curve .note").textContent;
    if (text !== before) requestAnimationFrame(() => { window.seen = Date.now(); });
    else requestAnimationFrame(look);
  };
  look();
}"""


@contextmanager
def browser_page(served: Studio) -> Iterator[Any]:
    """Open a studio in the browser, which knows nothing of the pages before."""
    context = browser().new_context(viewport={"width": 1280, "height": 900})
    name, _, value = served.cookie.partition("=")
    context.add_cookies([{"name": name, "value": value, "url": served.origin}])
    page = context.new_page()
    page.goto(served.origin)
    page.wait_for_selector("main *")
    yield page
    context.close()


@cache
def browser() -> Any:
    """Start the browser, which ends with this process; a toy takes one that opens pages sooner."""
    from playwright.sync_api import sync_playwright

    playwright = sync_playwright().start()
    atexit.register(playwright.stop)
    light = shutil.which("chromium-headless-shell") if patience < 1 else None
    path = light or shutil.which("chromium")
    return playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])


def train(folder: Path, job: str, *words: str) -> str:
    """Put a run into a folder, which is trained once for all parts that want the same.

    Returns its name.
    """
    name = next_name(folder, job)
    shutil.copytree(_trained_once(job, words), folder / "runs" / name)
    return name


def next_name(folder: Path, job: str) -> str:
    """Return the name of the next run of a job."""
    numbers = [int(path.name.rpartition("-")[2]) for path in folder.glob(f"runs/{job}-*")]
    return f"{job}-{max(numbers, default=0) + 1}"


@cache
def _trained_once(job: str, words: tuple[str, ...]) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="studio-"))
    atexit.register(shutil.rmtree, folder)
    subprocess.run(
        [*COMMAND, job, "--view", "off", *words], cwd=folder, check=True, capture_output=True
    )
    return folder / "runs" / f"{job}-1"


def settle(opened: Any, milliseconds: float) -> None:
    """Let a page come to rest before something is measured; a toy does not wait for long."""
    opened.wait_for_timeout(milliseconds * patience)


patience = 1.0
"""Factor of the waits."""


def median(values: list[float], factor: float = 1000.0) -> str:
    """Return the median and the largest of some seconds, in milliseconds."""
    return f"{factor * statistics.median(values):,.1f} (at most {factor * max(values):,.1f})"


Rows = list[list[str]]


def start(folder: Path, rounds: int) -> Rows:
    """Time from the command to listening."""
    seconds, memory = [], []
    for _ in range(rounds):
        with studio(folder) as served:
            seconds.append(served.seconds)
            memory.append(served.memory())
    return [
        ["command to listening, ms", median(seconds)],
        ["memory without a page, MiB", median(memory, 1)],
    ]


def page(folder: Path, rounds: int) -> Rows:
    """Measure the first page."""
    paints, sizes, foreign = [], [], 0
    for _ in range(rounds):
        with studio(folder) as served, browser_page(served) as opened:
            opened = opened.context.new_page()
            opened.goto(served.origin + "/#/runs")
            opened.wait_for_function("() => performance.getEntriesByType('paint').length > 1")
            settle(opened, 700)
            entries = opened.evaluate(
                "() => [performance.getEntriesByType('paint').find("
                "({ name }) => name === 'first-contentful-paint').startTime,"
                "performance.getEntriesByType('resource').map("
                "({ name, decodedBodySize }) => [name, decodedBodySize])]"
            )
            paints.append(entries[0] / 1000)
            code = [size for name, size in entries[1] if name.endswith((".js", ".css"))]
            sizes.append(sum(code) / 1000)
            foreign += sum(not name.startswith(served.origin) for name, _ in entries[1])
    return [
        ["first paint, ms", median(paints)],
        ["scripts and style of the list of runs, kB", median(sizes, 1)],
        ["requests elsewhere", str(foreign)],
    ]


def page_of_runs(folder: Path, rounds: int) -> Rows:
    """Measure the bytes of the page of a run of each job; of one for a single round."""
    rows, jobs = [], ("classify", "autoencode", "regress")[:rounds]
    for job in jobs:
        name = train(folder, job, "--max-steps", "60")
        with studio(folder) as served, browser_page(served) as opened:
            opened = opened.context.new_page()
            opened.goto(f"{served.origin}/#/run/{name}")
            opened.wait_for_selector(".panels canvas")
            settle(opened, 700)
            code = opened.evaluate(
                "() => performance.getEntriesByType('resource').filter(({ name }) => "
                "/[.](js|css)$/.test(name)).reduce((sum, { decodedBodySize }) => "
                "sum + decodedBodySize, 0)"
            )
            rows.append([f"scripts and style of a run of {job}, kB", f"{code / 1000:,.1f}"])
    return rows


def first_picture(folder: Path, rounds: int) -> Rows:
    """Time from the button that trains to the first answers of the own net on the screen."""
    (folder / "rows.csv").write_text(table())
    seconds = []
    for _ in range(rounds):
        with studio(folder) as served, browser_page(served) as opened:
            opened.fill("input[type=text]", "rows.csv")
            opened.keyboard.press("Enter")
            opened.wait_for_selector(".found")
            button = opened.locator(".go button.main")
            settle(opened, 1000)  # for a look at what was found
            begun = time.perf_counter()
            button.click()
            opened.wait_for_function(
                "() => document.querySelector('.card .verdict:not(:empty)')", polling=10
            )
            seconds.append(time.perf_counter() - begun)
    return [["Train to the first answers of the own net, ms", median(seconds)]]


def table(n: int = 120) -> str:
    """Return a table of series in three classes."""
    import math

    lines = ["id,t,x,kind"]
    for row in range(n):
        kind = row % 3
        for t in range(20):
            value = math.sin((kind + 1) * t / 3 + row) + 0.1 * math.sin(17.0 * t * row)
            lines.append(f"{row},{t},{value:.4f},{'abc'[kind]}")
    return "\n".join(lines)


def live(folder: Path, rounds: int) -> Rows:
    """Time from a line to the screen, and from a button to the line of the run that obeys."""
    from hiddenstate.runs import Run
    from hiddenstate.runs.writer import reopen_run

    name = train(folder, "classify", "--max-steps", "60")
    shown, obeyed = [], []
    run = Run(folder / "runs" / name)
    with studio(folder) as served, browser_page(served) as opened:
        opened.goto(f"{served.origin}/#/run/{name}")
        opened.wait_for_selector(".curve .note")
        opened.wait_for_timeout(800)  # also a toy: until the page follows the run
        with reopen_run(run) as writer:
            writer.truncate_after(51, 50, 1)
            for step in range(100, 100 + 50 * rounds, 50):
                time.sleep(0.4)  # the page reads what was cut off
                before = opened.inner_text(".curve .note")
                opened.evaluate(WATCH, before)
                written = time.time()
                writer.add_history(
                    {
                        "event": "log",
                        "step": step,
                        "epoch": 0,
                        "loss": 1.0,
                        "mean_loss": 1.0 + step / 1e4,
                        "lr": 0.01,
                    }
                )
                opened.wait_for_function("() => window.seen")
                shown.append(opened.evaluate("() => window.seen") / 1000 - written)
        name = next_name(folder, "classify")
        process = subprocess.Popen(
            [*COMMAND, "classify", "--view", "off", "--epochs", "1000", "--hidden-size", "8"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        path = folder / "runs" / name / "history.jsonl"
        while not path.exists() or path.stat().st_size < 200:
            time.sleep(0.05)
        opened.goto(f"{served.origin}/#/run/{name}")
        for word in ("Pause", "Go on") * rounds:
            button = opened.get_by_role("button", name=word, exact=True)
            button.wait_for()
            settle(opened, 300)
            n = path.read_bytes().count(b'"control"')
            begun = time.perf_counter()
            button.click()
            while path.read_bytes().count(b'"control"') == n:
                time.sleep(0.002)
            obeyed.append(time.perf_counter() - begun)
        process.terminate()
        process.wait()
    return [
        ["a line in the history to the screen, ms", median(shown)],
        ["a button to the run that obeys, ms", median(obeyed)],
    ]


def frames(folder: Path, seconds: int) -> Rows:
    """Count frames while finished runs play, long ones unless for less than 5 seconds.

    In a single second only the classifier plays.
    """
    rows = []
    nets: list[tuple[str, tuple[str, ...]]] = [("classify", ())]
    if seconds > 1:
        nets.insert(0, ("autoencode", ("--n-scattered", "2000")))
    for job, more in nets:
        name = train(folder, job, "--max-steps", str(400 if seconds >= 5 else 60), *more)
        with studio(folder) as served, browser_page(served) as opened:
            opened.goto(f"{served.origin}/#/run/{name}")
            opened.wait_for_selector(".panels canvas")
            settle(opened, 1500)
            opened.click(".player .round")
            took = sorted(opened.evaluate(FRAMES, seconds * patience))
            rate = 1000 / statistics.median(took)
            late = took[int(0.95 * len(took))]
            rows.append([f"frames a second, {job}", f"{rate:.0f} (95 % within {late:.0f} ms)"])
    return rows


def touch(folder: Path, rounds: int) -> Rows:
    """Time what the page computes with the net of a moment."""
    codes = train(folder, "autoencode", "--max-steps", "60")
    digits = train(folder, "classify", "--max-steps", "60")
    script = """async ([run, rounds]) => {
      const { Model } = await import("/assets/web/net.js");
      const { unpacked } = await import("/assets/web/packed.js");
      const { traceOf } = await import("/assets/web/reading.js");
      const program = await (await fetch(`/api/runs/${run}/program/final`)).json();
      const model = new Model(unpacked(program));
      const steps = Array.from({ length: 28 }, (_, t) => t);
      const row = steps.map((t) => Float64Array.from(steps, (i) => (t * i) % 256));
      const decodes = program.job === "autoencode";
      const act = () => (decodes ? model.decode([0.1, 0.2, 0.3]) : traceOf(model, row));
      const took = [];
      for (let k = 0; k < rounds + 3; k += 1) {
        const begun = performance.now();
        act();
        took.push((performance.now() - begun) / 1000);
      }
      return took.slice(3);
    }"""
    rows = []
    with studio(folder) as served, browser_page(served) as opened:
        for run, name in ((codes, "decode a code"), (digits, "read a digit")):
            rows.append([f"{name}, ms", median(opened.evaluate(script, [run, max(rounds, 5)]))])
    return rows


def runs(folder: Path, n: int) -> Rows:
    """Time the list of `n` runs."""
    first = folder / "runs" / train(folder, "classify", "--max-steps", "60", "--hidden-size", "8")
    shutil.rmtree(first / "snapshots")
    shutil.rmtree(first / "checkpoints")
    while (name := next_name(folder, "classify")) != f"classify-{n + 1}":
        shutil.copytree(first, folder / "runs" / name)
    rows = []
    with studio(folder) as served:
        for name, query in (
            ("first 50 rows, cold", "limit=50"),
            ("first 50 rows, warm", "limit=50"),
            ("a search of all, cold", "search=hidden&limit=50"),
            ("sorted by score, warm", "sort=score&limit=50"),
        ):
            begun = time.perf_counter()
            told = json.loads(served.get(f"/api/runs?{query}"))
            rows.append([f"{name}, ms", f"{1000 * (time.perf_counter() - begun):.0f}"])
            assert told["total"] == n
    return rows


def refusals(folder: Path, rounds: int) -> Rows:
    """Time refused requests."""
    seconds = []
    with studio(folder) as served:
        for _ in range(20 * rounds):
            begun = time.perf_counter()
            try:
                urllib.request.urlopen(served.origin + "/api/runs", timeout=20)
            except urllib.error.HTTPError as refused:
                refused.close()
                if refused.code != 401:
                    raise
            seconds.append(time.perf_counter() - begun)
    return [["a refused request, ms", median(seconds)]]


def readers(folder: Path, rounds: int) -> Rows:
    """Compare the processor time of training with and without ten readers of its stream.

    It trains for long, unless for less than 5 rounds.
    """
    ratios, steps = [], str(min(300 * rounds, 1500) if rounds > 1 else 60)
    words = [*COMMAND, "classify", "--view", "off", "--threads", "1", "--max-steps", steps]
    with studio(folder) as served:
        for number in range(rounds):
            took = []
            for watched in (False, True) if number % 2 else (True, False):
                took.append((watched, _trained(folder, words, served if watched else None)))
            seconds = dict(took)
            ratios.append(seconds[True] / seconds[False])
    return [["training beside ten readers, to alone", f"{statistics.median(ratios):.3f}"]]


def _trained(folder: Path, words: list[str], served: Studio | None) -> float:
    """Train; return the processor time that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    runs_dir = folder / "runs"
    name = next_name(folder, "classify")
    process = subprocess.Popen(
        words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    stop = threading.Event()
    threads = []
    if served is not None:
        while not (runs_dir / name / "config.json").exists():
            time.sleep(0.01)
        for number in range(10):
            arguments = (served, name, stop, number == 0)
            threads.append(threading.Thread(target=_read, args=arguments, daemon=True))
            threads[-1].start()
    process.wait()
    stop.set()
    for thread in threads:
        thread.join(20)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _read(served: Studio, name: str, stop: threading.Event, slow: bool) -> None:
    """Read the stream of a run until it ends; a slow reader takes 100 bytes ten times a second."""
    host, _, port = served.origin.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as reader:
        reader.settimeout(0.5)
        head = f"GET /api/stream?run={name} HTTP/1.1\r\nHost: {host}:{port}\r\n"
        reader.sendall(f"{head}Cookie: {served.cookie}\r\n\r\n".encode())
        while not stop.is_set():
            try:
                if not reader.recv(100 if slow else 65536):
                    return
            except TimeoutError:
                continue
            if slow:
                time.sleep(0.1)


PARTS: dict[str, Callable[[Path, int], Rows]] = {
    "start": start,
    "page": page,
    "pages": page_of_runs,
    "train": first_picture,
    "live": live,
    "frames": frames,
    "touch": touch,
    "runs": runs,
    "refusals": refusals,
    "readers": readers,
}


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=1000, help="runs in the list")
    parser.add_argument("--toy", action="store_true", help="try it, once, in one studio")
    return parser


def main() -> None:
    """Parse the options and print the table."""
    parser = arguments()
    options = parser.parse_args()
    if wrong := [name for name in options.parts if name not in PARTS]:
        parser.error(f"unknown part {wrong[0]}")
    if options.toy:
        global patience
        options.rounds, options.runs, patience = 1, 20, 0.2
    rows: Rows = []
    parts = options.parts or list(PARTS)
    for group in [parts] if options.toy else [[name] for name in parts]:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
            folder = Path(place)
            with studio(folder) if options.toy else nullcontext():
                for name in group:
                    n = options.runs if name == "runs" else options.rounds
                    rows += PARTS[name](folder, n)
    print(f"load {os.getloadavg()[0]:.1f}")
    print_table(["", "measured"], rows)


if __name__ == "__main__":
    main()
