"""A run in words, from its folder."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.models.torch_modules import make_module
from hiddenstate.report.facts import RunFacts
from hiddenstate.runs import Run
from hiddenstate.system.checksums import object_with_checksum
from hiddenstate.training.resume import resume_run
from tests.conftest import EVIL, add_line, write_digits, write_lines
from tests.report_html import train


@pytest.fixture
def digits(tmp_path: Path) -> str:
    return str(write_digits(tmp_path / "digits"))


def test_the_network_of_a_model_or_a_checkpoint_is_described_as_torch_prints_it(
    digits: str, tmp_path: Path
) -> None:
    for job in ("classify", "regress", "autoencode"):
        values = {"max_steps": 8, "log_every": 1} | ({} if job == "regress" else {"data": digits})
        unfinished = RunFacts(train(job, values, tmp_path, steps=4)).net()
        run = train(job, values, tmp_path)
        net, model = RunFacts(run).net(), run.model()
        assert net is not None
        assert unfinished is not None
        assert unfinished.shapes() == net.shapes()
        assert net.describe() == str(make_module(model.net, model.params))


def test_events_include_interruptions_resumptions_and_the_end(digits: str, tmp_path: Path) -> None:
    values = {"data": digits, "max_steps": 9, "log_every": 2}
    run = train("classify", values, tmp_path, steps=3)
    with resume_run(run, {}) as session:
        session.train()
    events = [what for _, what in RunFacts(Run(run.path)).events()]
    assert events[0].startswith("training started (")
    assert events[1].startswith("interrupted after step ")
    assert events[2].startswith("resumed after step ")
    assert events[3] == "completed after step 9"
    saved = [entry for entry in run.journal() if entry["event"] == "checkpoint"]
    assert events[-1] == f"{len(saved)} written"


def test_each_request_is_listed_once(digits: str, tmp_path: Path) -> None:
    run = train("classify", {"data": digits, "max_steps": 9, "log_every": 2}, tmp_path)
    control = {"event": "control", "step": 4, "do": "lr", "lr": 0.001}
    events: list[Any] = [*run.history()]
    write_lines(run.path / "history.jsonl", [*events[:2], control, *events[2:]])
    words = "learning rate 0.001 from step 4 on"
    assert [what for _, what in RunFacts(Run(run.path)).events()].count(words) == 1
    stamped = {"time": "2026-01-01T00:00:00+00:00", "name": "x", **control}
    add_line(run.path / "journal.jsonl", stamped)
    story = [pair for pair in RunFacts(Run(run.path)).events() if pair[1] == words]
    assert story == [("2026-01-01 00:00:00 UTC", words)]


def test_events_of_other_kinds_are_listed_with_all_values(digits: str, tmp_path: Path) -> None:
    run = train("classify", {"data": digits, "max_steps": 3}, tmp_path)
    add_line(run.path / "journal.jsonl", {"time": "?", "event": "warning", "what": EVIL})
    when, what = RunFacts(Run(run.path)).events()[-2]
    assert when == "at an unknown time"
    assert what.startswith("warning, what evil\\n")
    assert what.isprintable()


def test_changed_options_are_those_that_differ(tmp_path: Path) -> None:
    run = train("regress", {"windows": 3, "lr": 0.5, "stateful": False}, tmp_path)
    changed = {s.flag: (s.value, s.default) for s in RunFacts(run).settings() if s.changed}
    assert changed == {
        "--windows": ("3", "100"),
        "--stateful": ("no", "yes"),
        "--lr": ("0.5", "0.02"),
        "--threads": ("1", "0"),
    }


def test_the_preparation_of_rows_is_described(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).normal(size=(40, 2))
    rows = "\n".join(f"{a:.2f},{b:.2f},{n % 2}" for n, (a, b) in enumerate(numbers))
    (tmp_path / "rows.csv").write_text(f"width,height,kind\n{rows}\n,1.0,0\n")
    values = {"data": str(tmp_path / "rows.csv"), "label": "kind", "missing": "mean", "epochs": 1}
    pairs = dict(RunFacts(train("classify", values, tmp_path)).data())
    assert pairs["preparation"] == "missing values: mean; features scaled"
    assert pairs["path"] == str(tmp_path / "rows.csv")
    assert pairs["2 classes"] == "0, 1"


def test_texts_of_the_folder_are_made_printable(digits: str, tmp_path: Path) -> None:
    run = train("classify", {"data": digits, "max_steps": 2}, tmp_path)
    record = run.record
    record["data"]["name"] = EVIL
    record["environment"] = {EVIL: EVIL}
    record["data"]["sizes"] = [EVIL, 3, None]
    record["data"]["rows"] = {"train": EVIL}
    (run.path / "config.json").write_bytes(object_with_checksum(record))
    facts = RunFacts(Run(run.path))
    for pair in (*facts.data(), *facts.environment()):
        assert "".join(pair).isprintable()
    assert facts.title.isprintable()
    assert facts.run.n_rows("train") is None


def test_the_rows_of_a_run_of_version_0_4_are_read_from_its_sizes() -> None:
    folder = Path(__file__).parents[1] / "golden" / "v3" / "regress"
    facts = RunFacts(Run(folder))
    assert "rows" not in facts.run.record["data"]
    assert (facts.run.n_rows("train"), facts.run.n_rows("test")) == (16, 2)


def test_a_folder_with_only_config_json_is_described(digits: str, tmp_path: Path) -> None:
    run = train("autoencode", {"data": digits, "max_steps": 2}, tmp_path)
    for part in ("snapshots", "checkpoints"):
        shutil.rmtree(run.path / part)
    for name in ("history.jsonl", "journal.jsonl", "model.safetensors"):
        (run.path / name).unlink()
    facts = RunFacts(Run(run.path))
    assert facts.status == "stopped"
    assert facts.net() is None
    assert facts.events() == []
    assert any("has no model" in line for line in facts.warnings())


def test_rows_without_time_are_no_sequences(tmp_path: Path) -> None:
    lines = [f"{k},{k % 7},{k % 5}" for k in range(40)]
    (tmp_path / "rows.csv").write_text("\n".join(["weight,width,price", *lines]) + "\n")
    options = {"data": str(tmp_path / "rows.csv"), "target": ("price",), "layout": "features"}
    facts = RunFacts(train("regress", {**options, "max_steps": 2}, tmp_path))
    assert facts.title == "Regression: rows.csv"
