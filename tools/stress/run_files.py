"""Single bits flipped in, and ends cut off, every file of a run and of a model: who notices?"""

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
    "left out",
    "not read",
    "unsaid",
    "loaded",
    "unnamed",
    "crashed",
)
"""What became of a damaged file.

named: an error or a remark of ours has its name, or else `hiddenstate verify` has. previous used:
so it is, and the checkpoint before it was taken. left out: what it held is not used, without a
word. not read: what is read is the same. The rest are findings. unsaid: the checkpoint before it
was taken without a word. loaded: what is read differs and nothing is said. unnamed: an error
without its name. crashed: another exception.
"""

FINDINGS = ("unsaid", "loaded", "unnamed", "crashed")

OPTIONS: dict[str, dict[str, Any]] = {
    "classify": {"hidden_size": 4, "batch_size": 8, "log_every": 4, "checkpoint_every": 4,
                 "epochs": 2, "n_evaluated": 8, "valid_fraction": 0.2},
    "regress": {"windows": 16, "epochs": 1, "hidden_size": 4, "log_every": 4,
                "checkpoint_every": 5},
    "autoencode": {"encoder_sizes": (5,), "code_size": 2, "batch_size": 16, "epochs": 2,
                   "log_every": 4, "checkpoint_every": 3, "n_scattered": 10},
}  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """A sound run or model, and how it is read.

    Parameters
    ----------
    name : str
    path : Path
        The folder of a run, or of a model file.
    read : callable
        Reads a copy of it as its users do; gives, for every thing read, its value, and what was
        said meanwhile.
    """

    name: str
    path: Path
    read: Callable[[Path], tuple[dict[str, Any], list[str]]]

    def files(self) -> list[Path]:
        """Every file in it, relative."""
        found = sorted(path for path in self.path.rglob("*") if path.is_file())
        return [path.relative_to(self.path) for path in found if path.stat().st_size]


def make_samples(folder: Path) -> list[Sample]:
    """For each job a run that ended and one that was interrupted; an estimator's model."""
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


# --- reading as users do


def read_ended(path: Path) -> tuple[dict[str, Any], list[str]]:
    """What `runs`, `compare`, `predict`, `figures` and `watch` read of a run."""
    run = Run(path)
    loaded = load(path / "model.safetensors").model_
    values: dict[str, Any] = {
        "config.json": run.record,
        "history.jsonl": run.history(),
        "journal.jsonl": run.journal(),
        "snapshots": snapshots(run),
        "model.safetensors": [loaded.params, loaded.facts()],
    }
    values["checkpoints"], said = run.sound_checkpoint()
    return values, said + verify(run)


def read_stopped(path: Path) -> tuple[dict[str, Any], list[str]]:
    """What `resume` reads of a run; it makes one more step."""
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
    """What `hiddenstate verify` says of damaged files."""
    return [what for _, what in check_files(run) if what]


def snapshots(run: Run) -> list[Any]:
    """What the views keep, and every snapshot they would show, after they have had their look."""
    timeline = Timeline(run)
    for step in timeline.steps:
        timeline.moment(step)
    shown = []
    for path in run.snapshot_paths():
        with contextlib.suppress(HiddenstateError):
            shown.append(read_arrays(path, "snapshot"))
    return [*run.static_arrays, shown]


def read_model(path: Path) -> tuple[dict[str, Any], list[str]]:
    """A model file loaded."""
    loaded = load(path / "model.safetensors")
    values = [loaded.model_.params, loaded.model_.facts(), loaded.get_params()]
    return {"model.safetensors": values}, []


def as_text(value: Any) -> str:
    """Values as text that is the same only for the same values."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{value.shape}{value.tobytes().hex()}"
    if isinstance(value, dict):
        return "{" + ",".join(f"{k!r}:{as_text(v)}" for k, v in sorted(value.items())) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(as_text, value)) + "]"
    return repr(value)


# --- damage


def flip(data: bytes, drawn: np.random.Generator) -> bytes:
    """One bit the other way."""
    hurt = bytearray(data)
    hurt[drawn.integers(len(hurt))] ^= 1 << int(drawn.integers(8))
    return bytes(hurt)


def cut(data: bytes, drawn: np.random.Generator) -> bytes:
    """The end cut off, at any byte."""
    return data[: drawn.integers(len(data))]


def judge(sample: Sample, sound: dict[str, str], file: Path, hurt: bytes, place: Path) -> str:
    """The verdict on one damaged file; `sound` is what is read from undamaged copies."""
    shutil.copytree(sample.path, place)
    (place / file).write_bytes(hurt)
    checkpoints = sorted((place / "checkpoints").glob("*"))
    if file.parts[0] == "checkpoints" and file.name == checkpoints[0].name:
        checkpoints[1].unlink()  # else nobody would look at the older one
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            values, said = sample.read(place)
        said += [str(warning.message) for warning in warned]
    except HiddenstateError as error:
        return "named" if file.name in str(error) or file.stem in str(error) else "unnamed"
    except Exception:  # noqa: BLE001 - what is looked for
        return "crashed"
    finally:
        shutil.rmtree(place)
    key = file.parts[0]
    found = as_text(values.get(key))
    named = any(file.name in line or file.stem in line for line in said)
    if key == "checkpoints" and found == sound["previous"]:
        return "previous used" if named else "unsaid"
    if named or found == sound.get(key, "None"):
        return "named" if named else "not read"
    return "left out" if _is_less(values[key], sound[key], key) else "loaded"


def _is_less(found: Any, sound: str, key: str) -> bool:
    """Whether all that was found is of what there is, with something missing."""
    if key.endswith(".jsonl"):
        return all(as_text(entry) in sound for entry in found)
    if key == "snapshots":
        kept, facts, shown = found
        return all(as_text(part) in sound for part in (kept, facts, *shown))
    return False


def read_sound(sample: Sample, place: Path) -> dict[str, str]:
    """What is read from an undamaged copy, and, as `previous`, without the newest checkpoint."""
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
    """So many bits flipped and ends cut off, spread over all files; verdicts by kind of file."""
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
        hurt = change(data, drawn)
        verdict = judge(sample, sounds[sample.name], file, hurt, folder / "hurt")
        verdicts.setdefault(f"{kind}, {name}", Counter())[verdict] += 1
        outcome.counts[verdict] += 1
        outcome.done += 1
        if verdict in FINDINGS:
            place = first_difference(data, hurt)
            outcome.findings.append(f"{verdict}: {sample.name}, {file}, {name} at byte {place}")
    return outcome, verdicts


def kinds(sample: Sample) -> dict[str, list[Path]]:
    """The files of a sample by kind: those of a folder are one."""
    found: dict[str, list[Path]] = {}
    for file in sample.files():
        name = file.parts[0]
        if file.name == "shown.safetensors":
            name = "snapshots/shown"
        elif name == "checkpoints":
            newest = max(f.name for f in sample.files() if f.parts[0] == "checkpoints")
            name = "newest checkpoint" if file.name == newest else "older checkpoint alone"
        found.setdefault(name, []).append(file)
    return found


def first_difference(one: bytes, two: bytes) -> int:
    """Where two files part."""
    pairs = enumerate(zip(one, two, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(two)))


def table(verdicts: dict[str, Counter[str]]) -> str:
    """A row for each kind of file and damage."""
    rows = [(kind, *(counts[v] for v in VERDICTS)) for kind, counts in sorted(verdicts.items())]
    return markdown(("file, damage", *VERDICTS), rows)
