"""Small things many tests need: a folder of idx files, and the command line in-process."""

import contextlib
import gc
import io
import os
import re
import shutil
import signal
import struct
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from tools.stress import processes

from hiddenstate import kernels
from hiddenstate.cli import main
from hiddenstate.config import make_config
from hiddenstate.errors import HiddenstateError
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net
from hiddenstate.runs import Run
from hiddenstate.runs.record import seed_of
from hiddenstate.system.checksums import check_lines, line_with_checksum, lines_with_checksums
from hiddenstate.system.extras import EXTRAS, is_installed
from tests import warm

# scikit-learn's checks of the array API are skipped without it. Before scipy loads.
os.environ["SCIPY_ARRAY_API"] = "1"

# A background job of a shell ignores Ctrl-C, and so would every process that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What is flushed matters when the power fails. Tests of that record the calls, and processes that
# are started make them.
pytest.MonkeyPatch().setattr(os, "fsync", os.fstat)

# Commands that draw give way to training for good, and so would all tests after them.
pytest.MonkeyPatch().setattr("hiddenstate.views.offscreen.lower_priority", lambda: None)

# Commands of the harness start as forks of a process that has imported what they need.
pytest.MonkeyPatch().setattr(processes, "start", warm.start)

# A run of all tests makes 50,000 files, 1 GB in all. Memory takes and loses them sooner than a
# disk.
MEMORY = Path("/dev/shm")
if (
    "TMPDIR" not in os.environ
    and os.access(MEMORY, os.W_OK)
    and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC
    and shutil.disk_usage(MEMORY).free > 4 << 30
):
    tempfile.tempdir = os.environ["TMPDIR"] = str(MEMORY)

# The same examples on each machine, and no limits of time: machines are busy now and then.
settings.register_profile(
    "same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("same")

IDX_CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


ENGINES = ["torch", "native"] if kernels.level() else ["torch"]
"""The engines that train here, the one that `auto` selects last."""

needs_kernels = pytest.mark.skipif(kernels.level() is None, reason=str(kernels.why_not()))

QUIET = ("--view", "off", "--threads", 1)

TESTS_ALONE = (
    "pandas polars duckdb nbclient ipykernel fastapi playwright httpx statsmodels scikit_build_core"
)
"""Optional packages of tests, beside `EXTRAS`."""

ABSENT = {name for name in (*EXTRAS, *TESTS_ALONE.split()) if not is_installed(name)}
"""Those that are not here: a test that fails for want of one is skipped."""


def absent_in(text: str) -> str:
    """Return the reason to skip a test that failed with this text, or ""."""
    trains = "training requires the native kernels or torch"
    text = text.replace(trains, "training requires torch; install it with")
    names = re.findall(r"No module named '(\w+)|requires (\w+); install it with", text)
    absent = [name for pair in names for name in pair if name in ABSENT]
    return f"Skipped: requires {absent[-1]}" if absent else ""


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    """Skip files that import a package that is not here."""
    return skip_if_absent((yield), str(collector.path))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Skip tests that use a package that is not here."""
    return skip_if_absent((yield), str(item.path))


def skip_if_absent(report: Any, path: str) -> Any:
    """Turn a failure for want of a package into a test that is skipped, with the reason."""
    if ABSENT and report.failed and (reason := absent_in(str(report.longrepr))):
        report.outcome, report.longrepr = "skipped", (path, 1, reason)
    return report


STARTS: dict[np.random.Generator, Any] = {}
"""The states of the random generators of test modules before their first test."""


@pytest.fixture(autouse=True)
def _random_numbers_of_any_order(request):
    """Restart the module's random generators: each test draws the same, whatever ran before it."""
    for value in vars(request.module).values():
        if isinstance(value, np.random.Generator):
            start = STARTS.setdefault(value, value.bit_generator.state)
            value.bit_generator.state = start


TRAIN_IMAGES = "train-images-idx3-ubyte"
EVIL = "evil\n\x1b[31m\u202e<b>"


class Answer(NamedTuple):
    """What a command left behind: its exit code and what it printed."""

    code: int
    out: str
    err: str


Cli = Callable[..., Answer]
Refuse = Callable[..., str]


def idx_bytes(array: np.ndarray[Any, Any]) -> bytes:
    """`array` in the idx format, written here independently of the reader."""
    kind = array.dtype.str[1:]
    head = bytes([0, 0, IDX_CODES[kind], array.ndim])
    lengths = b"".join(struct.pack(">I", length) for length in array.shape)
    return head + lengths + array.astype(f">{kind}").tobytes()


def write_digits(folder: Path, n_train: int = 120, n_test: int = 30, side: int = 8) -> Path:
    """Write four idx files of random pictures of three classes, told apart by a bright row."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(7)
    for split, rows in (("train", n_train), ("t10k", n_test)):
        labels = (np.arange(rows) % 3).astype("u1")
        images = random.integers(0, 60, (rows, side, side)).astype("u1")
        images[np.arange(rows), labels * 2] = 255
        (folder / f"{split}-images-idx3-ubyte").write_bytes(idx_bytes(images))
        (folder / f"{split}-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    return folder


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Start one more worker than there are cores: now and then a test waits for what it started."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return cores + 1


gc.disable()  # while the tests are collected


def pytest_collection_finish() -> None:
    """Look for garbage seldom, and not among the thousands of tests, which last."""
    gc.enable()
    gc.freeze()
    gc.set_threshold(10_000)


@pytest.fixture
def tiny_idx(tmp_path: Path) -> Path:
    """A folder of idx files: 120 + 30 pictures of 8x8 pixels in three classes."""
    return write_digits(tmp_path / "digits")


def answer_to(*arguments: object) -> Answer:
    """Run `hiddenstate ARGUMENTS...` in this process."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main([str(argument) for argument in arguments])
    code = ended.value.code
    if ABSENT and (reason := absent_in(err.getvalue())):
        pytest.skip(reason.removeprefix("Skipped: "))
    return Answer(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())


@pytest.fixture
def cli(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Answer]:
    """Run `hiddenstate ARGUMENTS...` in this process, in `tmp_path`; see :class:`Answer`."""
    monkeypatch.chdir(tmp_path)
    # A defect leaves its trace where the test is cleaned up.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("traces")))

    return answer_to


def mutations(data: bytes, n: int, seed: int = 0) -> Iterator[bytes]:
    """Yield `n` damaged copies of `data`: bytes changed, cut out, put in, or cut off."""
    random = np.random.default_rng(seed)
    for _ in range(n):
        hurt = bytearray(data)
        for _ in range(random.integers(1, 4)):
            # Headers are near the ends, and small: aim there half of the time.
            reach = min(len(hurt), 200) if random.random() < 0.5 else len(hurt)
            place = int(random.integers(reach)) if reach else 0
            if random.random() < 0.2:
                place = max(len(hurt) - 1 - place, 0)
            length = int(random.integers(1, 9))
            noise = random.bytes(length) if random.random() < 0.6 else b"\xff" * length
            match random.integers(4):
                case 0:
                    hurt[place : place + length] = noise[: len(hurt) - place]
                case 1:
                    del hurt[place : place + length]
                case 2:
                    hurt[place:place] = noise
                case 3 if random.random() < 0.3:
                    del hurt[place:]
                case _:
                    hurt[place : place + 1] = noise[:1]
        yield bytes(hurt)


def n_refused(path: Path, data: bytes, n: int, read: Callable[[Path], object]) -> int:
    """Count the damaged copies of a file that are refused; any other error is a failure."""
    messages = []
    for hurt in mutations(data, n):
        path.write_bytes(hurt)
        try:
            read(path)
        except HiddenstateError as error:
            messages.append(str(error))
    assert all(map(str.isprintable, messages))
    return len(messages)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Trains a small run of a job, once, and gives its folder, which is to be left as it is."""
    folder = tmp_path_factory.mktemp("trained")

    @cache
    def train(job: str) -> Path:
        data = write_digits(folder / "digits")
        small: dict[str, tuple[object, ...]] = {
            "classify": (data, "--hidden-size", "6", "--log-every", "50"),
            "regress": ("--windows", "25", "--log-every", "10"),
            "autoencode": (data, "--encoder-sizes", "8", "--epochs", "2", "--log-every", "1"),
        }
        words = (job, *small[job], "--runs-dir", folder / "runs", *QUIET)
        assert answer_to(*words).code == 0
        return folder / "runs" / f"{job}-1"

    return train


def make_coarse(patch: pytest.MonkeyPatch) -> None:
    """Let reports have few pictures, of low resolution."""
    patch.setattr("hiddenstate.report.html.pictures.DOTS", 24)
    patch.setattr("hiddenstate.report.html.pictures.VARIANTS", (("light", "wide"),))


@pytest.fixture
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports with few pictures, of low resolution, for tests of all the rest in them."""
    make_coarse(monkeypatch)


@pytest.fixture(scope="session")
def odd_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    """Trains a small run on an odd data set, each once, and gives it, to be left as it is; all are
    in one folder."""
    from tests.odd_tables import train_odd

    folder = tmp_path_factory.mktemp("odd")
    return cache(lambda name: train_odd(name, folder))


@pytest.fixture
def blank(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures without marks: what they show is tested in tests/views, and takes as long as all."""
    monkeypatch.setattr("matplotlib.figure.Figure.draw", lambda figure, renderer: None)


@pytest.fixture
def run_of(cli: Cli, trained: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Run]:
    """Gives a small finished run of a job, in `tmp_path` where `cli` finds it by its name."""

    def copy(job: str) -> Run:
        return Run(shutil.copytree(trained(job), tmp_path / "runs" / f"{job}-1"))

    return copy


def _seed(path: Path) -> int:
    """The checksum that the first line of a text starts from, which is its run's."""
    return seed_of(Run(path.parent).id)


def write_lines(path: Path, entries: Iterable[dict[str, Any]]) -> None:
    """Write a history or journal of these entries, each with its checksum."""
    path.write_bytes(lines_with_checksums(entries, _seed(path))[0])


def add_line(path: Path, entry: dict[str, Any]) -> None:
    """Append an entry with its checksum to a history or journal."""
    check = check_lines(path.read_bytes(), previous=_seed(path)).check
    with path.open("ab") as stream:
        stream.write(line_with_checksum(entry, check)[0])


@pytest.fixture
def refuse(cli: Cli, tmp_path: Path) -> Refuse:
    """Run a command that must end with `code`, one line on stderr and nothing written."""

    def run(code: int, *arguments: object) -> str:
        before = sorted(tmp_path.rglob("*"))
        answer = cli(*arguments)
        assert "Traceback" not in answer.err
        assert answer.code == code, answer
        assert answer.out == ""
        assert answer.err.startswith("error: ")
        assert answer.err.endswith("\n")
        assert answer.err.removesuffix("\n").isprintable(), answer.err
        assert sorted(tmp_path.rglob("*")) == before
        return answer.err

    return run


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A classifier's file: sequences of any length, 5 features a step, 3 classes."""
    net = Net("classify", make_config("classify", {"hidden_size": 4}).model, 5, 3)
    path = tmp_path / "model.safetensors"
    FittedModel(net, net.initial(0, "float32"), ["a", "b", "c"], (7, 5)).save(path)
    return path


@pytest.fixture
def coder(tmp_path: Path) -> Path:
    """An autoencoder's file: rows of 9 numbers."""
    values = {"encoder_sizes": (6,), "code_size": 2, "output_activation": "sigmoid"}
    net = Net("autoencode", make_config("autoencode", values).model, 9, 9)
    path = tmp_path / "coder.safetensors"
    FittedModel(net, net.initial(0, "float32"), None, (9,)).save(path)
    return path


@pytest.fixture
def follower(tmp_path: Path) -> Path:
    """A regressor's file: 2 features in and 1 target out at every step, state carried."""
    net = Net("regress", make_config("regress", {"hidden_size": 4}).model, 2, 1, "steps")
    path = tmp_path / "follower.safetensors"
    FittedModel(net, net.initial(0, "float32"), None, (10, 2), stateful=True).save(path)
    return path


def npy(path: Path, array: Any) -> Path:
    np.save(path, array, allow_pickle=True)
    return path


def npz(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def rows(tmp_path: Path, n: int = 12, **changes: Any) -> Path:
    """Rows and labels fit for `classify`, but for `changes`."""
    arrays = {"X": np.ones((n, 4)), "y": np.arange(n) % 2}
    return npz(tmp_path / "own.npz", **arrays | changes)


def member(path: Path, *names: str, mode: int = 0) -> Path:
    data = npy(path.with_name("x.npy"), np.ones((12, 4))).read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, data)
    return path


def same(found: np.ndarray[Any, Any], expected: np.ndarray[Any, Any]) -> None:
    assert found.shape == expected.shape
    assert found.dtype.isnative
    assert found.dtype.str[1:] == expected.dtype.str[1:]
    np.testing.assert_array_equal(found, expected)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file name, overwritten again and again."""
    return tmp_path_factory.mktemp("data") / "values"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A browser, one without windows if there is one: its pages open sooner."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="requires playwright")
    path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if path is None:
        pytest.skip("requires chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
