"""Asks the kernels' module from several threads of Python, under the thread sanitizer."""

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.system.interpreter import python_command
from tools.stress.processes import Outcome

ROOT = Path(__file__).parents[2]
FOUND = 66
"""The exit code with a finding of the sanitizer."""
OTHERS = "race:libscipy_openblas\nrace:_multiarray_umath\nrace:libgomp\n"
"""What the sanitizer does not see the insides of."""


def threads(folder: Path, n: int) -> Outcome:
    """Build the module and ask it `n` times in each thread; the compiler is that of CXX, or c++."""
    compiler, outcome = os.environ.get("CXX", "c++"), Outcome()
    if not (importlib.util.find_spec("nanobind") and shutil.which("cmake")):
        outcome.counts["skipped: without cmake and nanobind"] = 1
        return outcome
    cmake = subprocess.run(
        python_command("-m", "nanobind", "--cmake_dir"),
        capture_output=True,
        text=True,
        check=True,
    )
    options = ["-DHS_SANITIZE=thread", f"-DPython_EXECUTABLE={sys.executable}"]
    options += [f"-Dnanobind_DIR={cmake.stdout.strip()}", f"-DCMAKE_CXX_COMPILER={compiler}"]
    subprocess.run(["cmake", "-S", ROOT, "-B", folder, *options], check=True)
    subprocess.run(["cmake", "--build", folder, "--parallel", "2"], check=True)
    (library,) = folder.glob("_native*.so")
    outcome.done = n
    seen = ask(library, folder, compiler, n)
    outcome.expect(seen.returncode == 0, f"threads: {seen.stdout[-2000:]}{seen.stderr[-2000:]}")
    control = ask(library, folder, compiler, 0)
    outcome.expect(control.returncode == FOUND, "threads: an array written by two was not noticed")
    return outcome


def ask(library: Path, folder: Path, compiler: str, n: int) -> "subprocess.CompletedProcess[str]":
    """Run this module beside the sanitizer; n = 0 writes one array from two threads."""
    sanitizer = subprocess.run(
        [compiler, "-print-file-name=libtsan.so"], capture_output=True, text=True, check=True
    )
    child = python_command("-m", "tools.stress.threads", str(library), str(n))
    others = folder / "others"
    others.write_text(OTHERS)
    environment = {
        **os.environ,
        "LD_PRELOAD": str(Path(sanitizer.stdout.strip()).resolve()),
        "TSAN_OPTIONS": f"suppressions={others} exitcode={FOUND}",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(
        ["setarch", platform.machine(), "-R", *child],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def _at_once(calls: list[Callable[[], Any]], n: int) -> None:
    """Call each in a thread of its own, `n` times."""
    gate = threading.Barrier(len(calls))

    def work(call: Callable[[], Any]) -> None:
        gate.wait()
        for _ in range(n):
            call()

    with ThreadPoolExecutor(len(calls)) as pool:
        for done in [pool.submit(work, call) for call in calls]:
            done.result()


def _twice_into_one(module: Any) -> None:
    numbers = np.ones(64, np.int32)
    product = module.WholeProduct(
        "baseline", np.ones((64, 64), np.int8), numbers, numbers << 30, np.zeros(64, np.int8)
    )
    x, out = np.ones((65536, 64), np.int16), np.zeros((65536, 64), np.int32)
    _at_once([lambda: product.of(x, out, 1)] * 2, 3)


def _estimators(n: int) -> None:
    from hiddenstate import RecurrentClassifier

    x = np.random.default_rng(0).standard_normal((60, 12, 2)).astype(np.float32)
    y = (x.sum((1, 2)) > 0).astype(int)
    for cell in ("rnn", "gru", "lstm", "fastgrnn", "lru", "mingru"):
        fresh: dict[str, Any] = {
            "cell": cell,
            "hidden_size": 8,
            "epochs": 1,
            "threads": 2,
            "random_state": 0,
        }
        model = RecurrentClassifier(**fresh).fit(x, y)
        answers, shared = model.predict_proba(x), model.stream(rows=60)

        def ask_it(model: Any = model, answers: Any = answers) -> None:
            np.testing.assert_array_equal(model.predict_proba(x), answers)

        def train(fresh: Any = fresh, answers: Any = answers) -> None:
            own = RecurrentClassifier(**fresh).fit(x, y)
            np.testing.assert_array_equal(own.predict_proba(x), answers)

        def step(model: Any = model, shared: Any = shared) -> None:
            own = model.stream(rows=60)
            for t in range(12):
                own.step(x[:, t])
                shared.step(x[:, t])

        _at_once([ask_it] * 4 + [train] * 2 + [step] * 2, n)
    online = RecurrentClassifier(hidden_size=8, epochs=1, threads=2)
    online.partial_fit(x, y, classes=[0, 1])
    _at_once([lambda: online.partial_fit(x, y)] * 2 + [lambda: online.predict(x)] * 2, n)


def _main(library: str, n: int) -> None:
    from hiddenstate import kernels

    spec = importlib.util.spec_from_file_location("hiddenstate.kernels._native", library)
    if spec is None or spec.loader is None:
        raise ImportError(library)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    kernels._native = sys.modules[spec.name] = module  # type: ignore[attr-defined]
    kernels.native.cache_clear()
    if n:
        _estimators(n)
    else:
        _twice_into_one(module)


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]))
