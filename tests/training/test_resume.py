"""A run that stopped anywhere and went on leaves what an uninterrupted one leaves."""

import itertools
import json
import re
from collections import deque
from typing import Any

import numpy as np
import pytest
import torch

from hiddenstate import kernels
from hiddenstate.config import make_config
from hiddenstate.data import load_dataset
from hiddenstate.engines import make_engine
from hiddenstate.errors import UntrustedFileError
from hiddenstate.jobs import make_job, make_snapshots
from hiddenstate.runs import Run
from hiddenstate.runs.record import make_record
from hiddenstate.runs.writer import create_run, reopen_run
from hiddenstate.system.checksums import object_with_checksum
from hiddenstate.training.checkpoints import pack, unpack
from hiddenstate.training.initial_state import starting_state
from hiddenstate.training.progress import Progress
from hiddenstate.training.recorder import Recorder, lines_with_weights
from hiddenstate.training.resume import resume_run as go_on_session
from hiddenstate.training.start import start
from hiddenstate.training.trainer import Callback, Trainer
from tests.conftest import ENGINES, needs_kernels

OPTIONS: dict[str, dict[str, Any]] = {
    "classify": {"epochs": 3, "batch_size": 16, "hidden_size": 6, "log_every": 4},
    "regress": {"windows": 24, "epochs": 2, "log_every": 5},
    "regress streams": {"windows": 23, "epochs": 3, "log_every": 5, "streams": 3, "washout": 4},
    "regress lru": {"windows": 12, "epochs": 2, "log_every": 5, "cell": "lru", "layers": 2},
    "autoencode": {"epochs": 2, "batch_size": 16, "encoder_sizes": (16,), "log_every": 3},
}
OPTIONS["classify int8"] = {**OPTIONS["classify"], "quantize": "int8", "state_bits": 8}
OPTIONS["classify int8"]["sparsity"] = 0.7
OPTIONS["regress streams int8"] = {**OPTIONS["regress streams"], "quantize": "int8"}
OPTIONS["regress streams int8"] |= {"cell": "fastgrnn", "rank": 4}
CASES = [(kind, e) for kind in OPTIONS for e in ENGINES if "int8" not in kind or e == "native"]
IN_TURN = [
    (kind, "native" if "int8" in kind else engine)
    for kind, engine in zip(OPTIONS, itertools.cycle(ENGINES), strict=False)
]
"""Each kind with one engine."""


def unsealed(record):
    """A record without its seal, to be changed."""
    return {name: value for name, value in record.items() if name != "sha256"}


class StopAt(Callback):
    """Asks to stop once `step` updates are made."""

    def __init__(self, step):
        self.step, self.reached = step, False

    def on_chunk(self, trainer, chunk):
        self.reached = trainer.step >= self.step

    def __call__(self):
        return self.reached


def make(job, tiny_idx, **changes):
    values = {"threads": 1, **OPTIONS[job], **changes}
    if "regress" not in job:
        values["data"] = str(tiny_idx)
    config = make_config(job.split()[0], values)
    return make_job(config, load_dataset(config))


def begin(job, path, stop_at=None):
    engine = make_engine(job.task(), starting_state(job))
    stop = StopAt(10**9 if stop_at is None else stop_at)
    record = make_record(job.config, job.dataset.facts(), engine.about())
    with create_run(path, record) as writer:
        trainer = Trainer(
            job, engine, [Recorder(writer, make_snapshots(job)), stop], should_stop=stop
        )
        trainer.train()
    return trainer.step


def resume_run(job, path, stop_at=None):
    run = Run(path)
    state, progress, waiting = unpack(*run.checkpoint(), job, "checkpoint")
    engine = make_engine(job.task(), state)
    stop = StopAt(10**9 if stop_at is None else stop_at)
    with reopen_run(run) as writer:
        in_full = lines_with_weights(job)
        writer.truncate_after(state.step, job.config.training.log_every, in_full)
        recorder = Recorder(writer, make_snapshots(job), waiting)
        Trainer(job, engine, [recorder, stop], state.step, progress, stop).train()


def contents(path):
    """Everything but clocks: history, model, snapshots, weights, the last checkpoint."""
    kept = {"history": (path / "history.jsonl").read_bytes()}
    for pattern in ("model.safetensors", "snapshots/*", "weights/*"):
        kept |= {str(p.relative_to(path)): p.read_bytes() for p in sorted(path.glob(pattern))}
    last = sorted((path / "checkpoints").glob("[0-9]*"))[-1]
    return kept | {last.name: last.read_bytes()}


@pytest.mark.parametrize(("kind", "engine"), CASES)
def test_stopped_anywhere_and_resumed_it_is_byte_equal(
    kind, engine, tiny_idx, tmp_path, monkeypatch
):
    """At the end of a chunk, which may come some steps after the request, once and five times.

    With torch, what stands in for the kernels is used, too.
    """
    if engine == "torch":
        monkeypatch.setenv(kernels.VARIABLE, "off")
    job = make(kind, tiny_idx, engine=engine)
    begin(job, tmp_path / "whole")
    whole = contents(tmp_path / "whole")
    for stop_at in (1, job.total_steps // 2, job.total_steps - 2):
        path, job = tmp_path / f"stopped-{stop_at}", make(kind, tiny_idx, engine=engine)
        begin(job, path, stop_at)
        resume_run(job, path)
        assert contents(path) == whole
    job = make(kind, tiny_idx, engine=engine, checkpoint_every=1)  # chunks of one step
    begin(job, tmp_path / "chained", 2)
    for stop_at in (5, 6, 11, 13, None):
        resume_run(job, tmp_path / "chained", stop_at)
    assert contents(tmp_path / "chained") == whole


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", ["classify", "autoencode"])
def test_adding_epochs_to_a_finished_run_equals_training_them_at_once(
    kind, engine, tiny_idx, tmp_path
):
    short, long = (make(kind, tiny_idx, epochs=n, engine=engine) for n in (1, 3))
    begin(long, tmp_path / "long")
    begin(short, tmp_path / "short")
    resume_run(long, tmp_path / "short")
    assert contents(tmp_path / "short") == contents(tmp_path / "long")


def test_adding_windows_to_a_finished_run_equals_training_them_at_once(tmp_path):
    short, long = (make("regress", None, windows=n, epochs=1) for n in (13, 31))
    begin(long, tmp_path / "long")
    begin(short, tmp_path / "short")
    resume_run(long, tmp_path / "short")
    assert contents(tmp_path / "short") == contents(tmp_path / "long")


@pytest.mark.parametrize(
    ("kind", "limits", "added", "total"),
    [
        ("classify", {}, {"max_steps": "+5"}, 25),  # 4 epochs of 5 updates, and 5 more
        ("classify", {"max_steps": 12}, {"max_steps": "+5"}, 17),
        ("classify", {"max_steps": 30}, {"max_steps": "+5"}, 25),  # its epochs end before
        ("classify", {}, {"epochs": "+1"}, 25),
        ("classify", {}, {"epochs": "+1", "max_steps": "+2"}, 27),
        ("regress", {"windows": 20}, {"windows": "+5"}, 25),
    ],
)
def test_what_is_added_to_an_interrupted_run_counts_from_its_end_not_from_where_it_stopped(
    kind, limits, added, total, tmp_path
):
    values = {"threads": 1, "hidden_size": 2, "log_every": 3, **limits}
    if kind == "classify":
        rows = [f"{i % 7},{i % 5},{'ab'[i % 2]}" for i in range(20)]
        (tmp_path / "own.csv").write_text("\n".join(["x,z,kind", *rows]) + "\n")
        values |= {"data": str(tmp_path / "own.csv"), "test_fraction": 0.0}
        values |= {"epochs": 4, "batch_size": 4}
    with start(make_config(kind, values), tmp_path) as session:
        stop = StopAt(3)
        assert session.train([stop], stop) is None
    with go_on_session(Run(session.writer.path), added) as resumed:
        assert 3 <= resumed.step < total
        assert resumed.job.total_steps == total


def test_a_state_survives_packing():
    job = make("regress", None)
    engine = make_engine(job.task(), starting_state(job))
    engine.run(0, 3, lambda: False)
    state = engine.export()
    arrays, facts = pack(state, Progress([0.5], deque([0.25, 0.5])), np.ones((2, 10, 1), "f4"))
    back, progress, waiting = unpack(arrays, facts, job, "here")
    assert back.step == 3
    assert progress.since_log == [0.5]
    assert list(progress.recent) == [0.25, 0.5]
    assert waiting.shape == (2, 10, 1)
    for group in ("params", "moments", "carried"):
        one, two = getattr(state, group), getattr(back, group)
        assert one.keys() == two.keys()
        assert all(np.array_equal(one[name], two[name]) for name in one)


DAMAGE = {
    "a weight missing": lambda a, f: a.pop("params/out.bias"),
    "a moment of another shape": lambda a, f: a.update({"moments/exp_avg/out.bias": np.ones(3)}),
    "a moment missing": lambda a, f: a.pop("moments/exp_avg_sq/out.bias"),
    "a state of another shape": lambda a, f: a.update({"carried/h": np.ones((1, 2, 32))}),
    "an unknown array": lambda a, f: a.update({"extra/x": np.ones(1)}),
    "a loss of another type": lambda a, f: a.update({"progress/recent": np.ones(3, "f4")}),
    "no step": lambda a, f: f.clear(),
    "a step that is none": lambda a, f: f.update(step=-1),
    "bits of no net": lambda a, f: f.update(integer={"input": 15}),
    "a number that is not finite": lambda a, f: a["params/out.bias"].fill(np.nan),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_checkpoint_that_does_not_fit_is_refused_by_name(damage):
    job = make("regress", None)
    engine = make_engine(job.task(), starting_state(job))
    engine.run(0, 3, lambda: False)
    arrays, facts = pack(engine.export(), Progress(), None)
    DAMAGE[damage](arrays, facts)
    with pytest.raises(UntrustedFileError, match="here"):
        unpack(arrays, facts, job, "here")


def test_a_journal_line_cut_short_is_taken_away_before_more_is_added(tmp_path):
    job = make("regress", None)
    begin(job, tmp_path / "run", 7)
    journal = tmp_path / "run" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes() + b'{"time": "20')
    (tmp_path / "run" / "history.jsonl").open("a").write('{"event": "lo')
    resume_run(job, tmp_path / "run")
    assert Run(tmp_path / "run").damage("journal.jsonl") is None
    events = [entry["event"] for entry in Run(tmp_path / "run").journal()]
    assert events == ["start", "checkpoint", "interrupted", "start", "checkpoint", "end"]
    assert Run(tmp_path / "run").status() == "done"


def test_the_device_a_run_started_on_is_kept_or_a_warning_is_given(tmp_path):
    config = make_config("regress", {"windows": 20, "threads": 1})
    with start(config, tmp_path) as session:
        session.train()
    record = json.loads((tmp_path / "regress-1" / "config.json").read_text())
    assert record["engine"]["device"] == "cpu"
    if not torch.cuda.is_available():
        record["engine"]["device"] = "cuda"
        (tmp_path / "regress-1" / "config.json").write_bytes(object_with_checksum(unsealed(record)))
        with go_on_session(Run(tmp_path / "regress-1"), {"windows": "+5"}) as session:
            assert re.search("started on .*cuda.* resuming on .*cpu", session.notices[0].text)


@needs_kernels
def test_a_run_that_started_on_torch_resumes_on_torch_even_if_auto_means_native(tmp_path):
    config = make_config("regress", {"windows": 20, "threads": 1})
    with start(config, tmp_path) as session:
        assert session.engine.name == "native"
        session.train()
    path = tmp_path / "regress-1" / "config.json"
    record = json.loads(path.read_text())
    version = str(torch.__version__)
    record["engine"] = {"name": "torch", "version": version, "device": "cpu", "threads": 1}
    path.write_bytes(object_with_checksum(unsealed(record)))
    with go_on_session(Run(path.parent), {"windows": "+5"}) as session:
        assert session.engine.name == "torch"
        assert not session.notices
    for change, said in ({"version": "2.0"}, "2.0"), ({"threads": 7}, "7 threads"):
        record["engine"] = {"name": "torch", "version": version, "device": "cpu", "threads": 1}
        record["engine"] |= change
        path.write_bytes(object_with_checksum(unsealed(record)))
        with go_on_session(Run(path.parent), {"windows": "+5"}) as session:
            assert said in session.notices[0].text
            assert session.notices[0].text.endswith("last digits may differ")


@pytest.mark.skipif(len(kernels.levels()) < 2, reason="one level of instructions at most")
def test_resuming_at_another_instruction_level_gives_a_warning(tmp_path, monkeypatch):
    monkeypatch.setenv("HIDDENSTATE_LEVEL", kernels.levels()[-1])
    config = make_config("regress", {"windows": 20, "threads": 1})
    with start(config, tmp_path) as session:
        session.train()
    monkeypatch.setenv("HIDDENSTATE_LEVEL", "baseline")
    with go_on_session(Run(tmp_path / "regress-1"), {"windows": "+5"}) as session:
        assert "resuming on native cpu baseline; last digits may differ" in session.notices[0].text


def test_a_run_interrupted_in_its_first_evaluation_is_resumed(tiny_idx, tmp_path):
    """The first line is then due, not missing."""
    values = {"data": str(tiny_idx), "recipe": "classic", "engine": "torch", "threads": 1}
    values |= OPTIONS["classify"]
    config = make_config("classify", values)
    with start(config, tmp_path / "whole") as session:
        session.train()
    with start(config, tmp_path / "part") as session:
        stop = StopAt(1)
        trained = session.train([stop], stop)
        path = session.writer.path
    assert trained is None
    assert Run(path).history() == []
    with go_on_session(Run(path), {}) as session:
        session.train()
    assert contents(path) == contents(tmp_path / "whole" / "classify-1")
