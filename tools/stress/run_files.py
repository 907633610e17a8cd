"""Flips bits in and cuts off the ends of the files of runs and models, and checks the reaction."""

import contextlib
import shutil
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate import RecurrentClassifier, load
from hiddenstate.errors import HiddenstateError
from hiddenstate.runs import Run
from hiddenstate.system.array_file import read_arrays
from hiddenstate.training.resume import resume_run
from hiddenstate.training.start import plan, start
from hiddenstate.training.verify import check_files
from hiddenstate.views.timeline import Timeline
from tools.stress.processes import Outcome
from tools.stress.resuming import StopAfter, run_in_parts, write_rows
from tools.stress.tables import markdown

VERDICTS = (
    "named",
    "previous used",
    "not read",
    "left out",
    "unsaid",
    "loaded",
    "unnamed",
    "crashed",
)
"""The possible results of reading a damaged file.

named: an error, a notice or `hiddenstate verify` names the file. previous used: the same, and the
previous checkpoint was used. not read: everything read is unchanged.

The others are findings. left out: its contents are not used, and nothing is reported. unsaid: the
previous checkpoint was used, and nothing is reported. loaded: something read differs, and nothing
is reported. unnamed: an error does not name the file. crashed: another exception.
"""

FINDINGS = ("left out", "unsaid", "loaded", "unnamed", "crashed")

OPTIONS: dict[str, dict[str, Any]] = {
    "classify": {
        "hidden_size": 4,
        "batch_size": 8,
        "log_every": 4,
        "checkpoint_every": 4,
        "epochs": 2,
        "n_evaluated": 8,
        "valid_fraction": 0.2,
    },
    "regress": {
        "windows": 16,
        "epochs": 1,
        "hidden_size": 4,
        "log_every": 4,
        "checkpoint_every": 5,
    },
    "autoencode": {
        "encoder_sizes": (5,),
        "code_size": 2,
        "batch_size": 16,
        "epochs": 2,
        "log_every": 4,
        "checkpoint_every": 3,
        "n_scattered": 10,
    },
}


@dataclass(frozen=True)
class Sample:
    """An intact run or model and the function that reads it.

    Parameters
    ----------
    name : str
    path : Path
        The folder of a run, or of a model file.
    read : callable
        Reads a copy as a user would; returns the value of everything read, by file or folder, and
        the messages.
    """

    name: str
    path: Path
    read: Callable[[Path], tuple[dict[str, Any], list[str]]]

    def files(self) -> list[Path]:
        """Return the relative paths of all files that are not empty."""
        files = sorted(path for path in self.path.rglob("*") if path.is_file())
        return [path.relative_to(self.path) for path in files if path.stat().st_size]


def make_samples(folder: Path) -> list[Sample]:
    """Make a finished and an interrupted run of each job, and the model of an estimator."""
    folder.mkdir(parents=True)
    rows, samples = write_rows(folder), []
    for job, own in OPTIONS.items():
        values = {"threads": 1, "recipe": "classic", **own}
        values |= {} if job == "regress" else {"data": str(rows)}
        done, total = run_in_parts(job, values, folder / "done")
        samples.append(Sample(f"{job}, ended", done, read_ended))
        config, dataset = plan(job, values)
        with start(config, folder / "stopped", dataset=dataset) as session:
            stop = StopAfter(total * 3 // 4)
            session.train([stop], stop)
        samples.append(Sample(f"{job}, stopped", session.writer.path, read_stopped))
    model = RecurrentClassifier(hidden_size=4, max_steps=3, threads=1, random_state=0)
    with np.load(rows) as arrays:
        model.fit(arrays["X"], arrays["y"])
    (folder / "model").mkdir()
    model.save(folder / "model" / "model.safetensors")
    samples.append(Sample("model", folder / "model", read_model))
    return samples


# --- reading as a user would


def read_ended(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Read what `runs`, `compare`, `predict`, `figures` and `watch` read of a run."""
    run = Run(path)
    loaded = load(path / "model.safetensors").model_
    values: dict[str, Any] = {
        "config.json": run.record,
        "history.jsonl": run.history(),
        "journal.jsonl": run.journal(),
        "snapshots": snapshots(run),
        "model.safetensors": [loaded.params, loaded.facts()],
    }
    values["checkpoints"], damaged = run.sound_checkpoint()
    return values, [*map(str, damaged), *verify(run)]


def read_stopped(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Read what `resume` reads of a run, and train one more step."""
    run = Run(path)
    verified = verify(run)
    before = {
        "config.json": run.record,
        "history.jsonl": run.history(),
        "journal.jsonl": run.journal(),
        "snapshots": snapshots(run),
    }
    session = resume_run(run, {})
    with session:
        state = session.engine.export()
        stop = StopAfter(session.step + 1)
        session.train([stop], stop)
    values = {**before, "checkpoints": [session.step, state.params, state.moments]}
    return values, [str(notice) for notice in session.notices] + verified


def verify(run: Run) -> list[str]:
    """Return what `hiddenstate verify` reports about damaged files."""
    return [what for _, what in check_files(run) if what]


def snapshots(run: Run) -> list[Any]:
    """Return the static arrays and every readable snapshot, after a timeline has read them all."""
    timeline = Timeline(run)
    for step in timeline.steps:
        timeline.moment(step)
    shown = []
    for path in run.snapshot_paths():
        with contextlib.suppress(HiddenstateError):
            shown.append(read_arrays(path, "snapshot"))
    return [*run.static_arrays, shown]


def read_model(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Load a model file."""
    loaded = load(path / "model.safetensors")
    values = [loaded.model_.params, loaded.model_.facts(), loaded.get_params()]
    return {"model.safetensors": values}, []


def as_text(value: Any) -> str:
    """Return values as text; only equal values give equal text."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{value.shape}{value.tobytes().hex()}"
    if isinstance(value, dict):
        return "{" + ",".join(f"{k!r}:{as_text(v)}" for k, v in sorted(value.items())) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(as_text, value)) + "]"
    return repr(value)


# --- damage


def flip(data: bytes, drawn: np.random.Generator) -> bytes:
    """Flip one random bit."""
    damaged = bytearray(data)
    damaged[drawn.integers(len(damaged))] ^= 1 << int(drawn.integers(8))
    return bytes(damaged)


def cut(data: bytes, drawn: np.random.Generator) -> bytes:
    """Cut off the end at a random byte."""
    return data[: drawn.integers(len(data))]


def judge(sample: Sample, sound: dict[str, str], file: Path, damaged: bytes, place: Path) -> str:
    """Return the verdict on one damaged file; `sound` holds the values read from intact copies."""
    shutil.copytree(sample.path, place)
    (place / file).write_bytes(damaged)
    checkpoints = sorted((place / "checkpoints").glob("*"))
    if file.parts[0] == "checkpoints" and file.name == checkpoints[0].name:
        checkpoints[1].unlink()  # otherwise nothing would read the older one
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            values, messages = sample.read(place)
        messages += [str(warning.message) for warning in warned]
    except HiddenstateError as error:
        return "named" if file.name in str(error) or file.stem in str(error) else "unnamed"
    except Exception:  # noqa: BLE001 - any other exception is a finding
        return "crashed"
    finally:
        shutil.rmtree(place)
    key = file.parts[0]
    text = as_text(values.get(key))
    named = any(file.name in line or file.stem in line for line in messages)
    if key == "checkpoints" and text == sound["previous"]:
        return "previous used" if named else "unsaid"
    if named or text == sound.get(key, "None"):
        return "named" if named else "not read"
    return "left out" if _is_less(values[key], sound[key], key) else "loaded"


def _is_less(value: Any, sound: str, key: str) -> bool:
    """Return whether every part of `value` is in the intact contents `sound`."""
    if key.endswith(".jsonl"):
        return all(as_text(entry) in sound for entry in value)
    if key == "snapshots":
        kept, facts, shown = value
        return all(as_text(part) in sound for part in (kept, facts, *shown))
    return False


def read_sound(sample: Sample, place: Path) -> dict[str, str]:
    """Read an intact copy, and, as `previous`, one without the newest checkpoint."""
    shutil.copytree(sample.path, place)
    sound = {key: as_text(value) for key, value in sample.read(place)[0].items()}
    shutil.rmtree(place)
    shutil.copytree(sample.path, place)
    for newest in sorted((place / "checkpoints").glob("*"))[-1:]:
        newest.unlink()
    sound["previous"] = as_text(sample.read(place)[0].get("checkpoints"))
    shutil.rmtree(place)
    return sound


def damage(
    samples: Sequence[Sample], folder: Path, flips: int, cuts: int, seed: int
) -> tuple[Outcome, dict[str, Counter[str]]]:
    """Flip `flips` bits and cut off `cuts` ends, spread over all kinds of files.

    Returns the outcome, and the number of each verdict by kind of file and damage.
    """
    drawn, outcome = np.random.default_rng(seed), Outcome()
    verdicts: dict[str, Counter[str]] = {}
    sounds = {sample.name: read_sound(sample, folder / "sound") for sample in samples}
    places = [(sample, kind) for sample in samples for kind in kinds(sample)]
    changes = [("flip", flip)] * flips + [("cut", cut)] * cuts
    for number, (name, change) in enumerate(changes):
        sample, kind = places[number % len(places)]
        files = kinds(sample)[kind]
        file = files[drawn.integers(len(files))]
        data = (sample.path / file).read_bytes()
        damaged = change(data, drawn)
        verdict = judge(sample, sounds[sample.name], file, damaged, folder / "damaged")
        verdicts.setdefault(f"{kind}, {name}", Counter())[verdict] += 1
        outcome.counts[verdict] += 1
        outcome.done += 1
        if verdict in FINDINGS:
            place = first_difference(data, damaged)
            outcome.findings.append(f"{verdict}: {sample.name}, {file}, {name} at byte {place}")
    return outcome, verdicts


def kinds(sample: Sample) -> dict[str, list[Path]]:
    """Return the files of a sample by kind; the files of a folder are one kind."""
    files: dict[str, list[Path]] = {}
    for file in sample.files():
        name = file.parts[0]
        if file.name == "shown.safetensors":
            name = "snapshots/shown"
        elif name == "checkpoints":
            newest = max(f.name for f in sample.files() if f.parts[0] == "checkpoints")
            name = "newest checkpoint" if file.name == newest else "older checkpoint alone"
        files.setdefault(name, []).append(file)
    return files


def first_difference(one: bytes, two: bytes) -> int:
    """Return the position of the first byte in which two files differ."""
    pairs = enumerate(zip(one, two, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(two)))


def table(verdicts: dict[str, Counter[str]]) -> str:
    """Return a table with one row per kind of file and damage."""
    rows = [(kind, *(counts[v] for v in VERDICTS)) for kind, counts in sorted(verdicts.items())]
    return markdown(("file, damage", *VERDICTS), rows)
