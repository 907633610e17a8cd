"""A group is trained as a run on a file with its rows alone, whatever the other groups hold."""

from pathlib import Path

import numpy as np
import pytest

from hiddenstate import __version__
from hiddenstate.config import make_config
from hiddenstate.scale.sweep.groups import read_groups
from hiddenstate.scale.sweep.packets import pack_groups
from hiddenstate.scale.sweep.work import VersionError, outcomes_of, train_packet
from hiddenstate.training.start import plan, start
from tests.conftest import needs_kernels

KINDS = {
    "numbers": ["time,x,y", *(f"{i},{np.sin(i / 3):.3f},{np.cos(i / 3):.3f}" for i in range(40))],
    "words": ["time,x,y,day", *(f"{i},{i % 7},{i % 5},{'ab'[i % 2]}" for i in range(40))],
    "dates": ["time,x,y", *(f"2024-01-{i + 1:02d},{i % 3},{i % 5}.5" for i in range(30))],
    "gaps": ["time,x,y", *(f"{i},{'' if i == 7 else i % 7},{i % 5}" for i in range(40))],
}
"""Rows of a group, by what is special in them."""


def table_of(folder: Path, lines: list[str], others: list[str]) -> Path:
    """A table of two groups, their rows in turn: B has `lines`, A has `others`."""
    head, *rows = lines
    mixed = [
        f"{row},{group}"
        for pair in zip(others, rows, strict=False)
        for row, group in zip(pair, "AB", strict=True)
    ]
    mixed += [f"{row},B" for row in rows[len(others) :]]
    path = folder / "table.csv"
    path.write_text("\n".join([f"{head},site", *mixed]) + "\n", "utf-8")
    return path


def swept(path: Path, job: str, values: dict) -> bytes:
    """The model of group B, trained as a worker does."""
    own = {**values, "data": str(path)}
    table = read_groups(path, make_config(job, own, together=False).data, ("site",), job)
    facts = {"version": __version__, "job": job, "values": own, "name": "table.csv"}
    answers = list(outcomes_of(train_packet(pack_groups(table, [0, 1], facts))))
    ((_, outcome, model),) = [a for a in answers if table.keys[a[0]] == ("B",)]
    assert outcome.status != "failed", outcome.reason
    return model


def alone(folder: Path, lines: list[str], job: str, values: dict) -> bytes:
    """The model of a run on a file with these rows."""
    own = folder / "alone"
    own.mkdir()
    (own / "table.csv").write_text("\n".join(lines) + "\n", "utf-8")
    config, dataset = plan(job, {**values, "data": str(own / "table.csv")})
    with start(config, own / "runs", dataset=dataset, name="run") as session:
        session.train()
    return (own / "runs" / "run" / "model.safetensors").read_bytes()


@pytest.mark.parametrize("recipe", ["classic", "auto"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_model_is_byte_equal_to_that_of_a_lone_run(kind, recipe, tmp_path):
    lines = KINDS[kind]
    values = {"recipe": recipe, "time": "time", "target": ("y",), "window": 5, "max_steps": 6}
    values["missing"] = "mean"
    # Words and other numbers in group A decide nothing about group B.
    others = [",".join(["bad"] * (lines[0].count(",") + 1))] * 3
    path = table_of(tmp_path, lines, others)
    assert swept(path, "regress", values) == alone(tmp_path, lines, "regress", values)


@pytest.mark.parametrize("steps", [5, 10])
def test_labels_and_ids_with_zeros_are_text_as_in_a_lone_run(steps, tmp_path):
    """Series of ten steps have fixed convolutions, which teach."""
    values = {"label": "kind", "id": ("id",), "time": "t", "max_steps": 3, "hidden_size": 4}
    lines = ["id,t,x,kind"]
    lines += [f"0{s},{t},{(s + t) % 4},{s % 2:02d}" for s in range(12) for t in range(steps)]
    path = table_of(tmp_path, lines, ["7,0,1,1", "7,1,1,1"])
    model = swept(path, "classify", values)
    assert model == alone(tmp_path, lines, "classify", values)
    assert b'[\\"00\\",\\"01\\"]' in model


def test_an_autoencoder_of_a_group_is_that_of_a_lone_run(tmp_path):
    lines = ["a,b,c,d", *(f"{i % 3},{i % 4},{i % 5},{i % 7}" for i in range(30))]
    values = {"max_steps": 4, "encoder_sizes": (3,), "code_size": 2}
    path = table_of(tmp_path, lines, ["1.5,2,3,4"])
    assert swept(path, "autoencode", values) == alone(tmp_path, lines, "autoencode", values)


def test_a_defect_in_one_group_ends_no_other(tmp_path, monkeypatch):
    path = table_of(tmp_path, KINDS["numbers"], ["1,2,3", "2,3,4"])
    values = {"time": "time", "target": ("y",), "max_steps": 2, "data": str(path)}
    table = read_groups(path, make_config("regress", values).data, ("site",), "regress")
    facts = {"version": __version__, "job": "regress", "values": values, "name": "table.csv"}
    packet = pack_groups(table, [1, 0], facts)

    def broken(*_: object) -> None:
        raise ZeroDivisionError("what")

    monkeypatch.setattr("hiddenstate.scale.sweep.work.check_memory", broken)
    outcomes = [outcome for _, outcome, _ in outcomes_of(train_packet(packet))]
    assert {o.status for o in outcomes} == {"failed"}
    assert outcomes[0].reason == "internal error: ZeroDivisionError: what"


def test_another_version_trains_nothing(tmp_path):
    path = table_of(tmp_path, KINDS["numbers"], ["1,2,3"])
    table = read_groups(path, make_config("regress", {}, together=False).data, ("site",), "regress")
    packet = pack_groups(table, [0], {"version": "0.0.1", "job": "regress", "values": {}})
    with pytest.raises(VersionError, match=__version__):
        list(outcomes_of(train_packet(packet)))


@needs_kernels
def test_a_group_that_is_worse_than_its_baseline_says_so(tmp_path):
    steps = np.random.default_rng(0).normal(size=60).cumsum()
    lines = ["time,y", *(f"{i},{v:.3f}" for i, v in enumerate(steps))]
    path = table_of(tmp_path, lines, ["1,2"])
    values = {
        "time": "time",
        "target": ("y",),
        "horizon": 1,
        "max_steps": 1,
        "linear": False,
        "change": False,
        "data": str(path),
    }
    table = read_groups(path, make_config("regress", values).data, ("site",), "regress")
    facts = {"version": __version__, "job": "regress", "values": values, "name": "table.csv"}
    packet = pack_groups(table, [table.numbers[("B",)]], facts)
    ((_, outcome, model),) = outcomes_of(train_packet(packet))
    assert (outcome.status, outcome.score) == ("beaten", "test_mse")
    assert outcome.value > outcome.baseline
    assert "worse than the last value" in outcome.reason
    assert model


def test_the_reason_of_a_group_says_what_makes_its_score_too_good(tmp_path):
    path = tmp_path / "table.csv"
    rows = [f"{i % 7}.5,{i * 0.37:.2f},{3 * (i % 2)},{'uv'[i % 2]},B" for i in range(60)]
    path.write_text("\n".join(["a,b,code,label,site", *rows]) + "\n")
    own = {"data": str(path), "label": "label", "max_steps": 1}
    table = read_groups(
        path, make_config("classify", own, together=False).data, ("site",), "classify"
    )
    facts = {"version": __version__, "job": "classify", "values": own, "name": "table.csv"}
    ((_, outcome, _),) = outcomes_of(train_packet(pack_groups(table, [0], facts)))
    assert outcome.reason.endswith("add --drop code")


def test_labels_that_are_numbers_stay_numbers_beside_words_of_another_group(tmp_path):
    lines = ["x1,x2,x3,kind", *(f"{i % 4},{i % 3},{i % 5},{1 + i % 2}" for i in range(24))]
    values = {"label": "kind", "max_steps": 3, "hidden_size": 4}
    path = table_of(tmp_path, lines, ["1,2,3,high", "1,2,3,low"])
    model = swept(path, "classify", values)
    assert model == alone(tmp_path, lines, "classify", values)
    assert b'\\"classes\\":[1,2]' in model


def test_decimal_commas_are_numbers_beside_words_of_another_group(tmp_path):
    lines = ["time,x,y", *(f'{t},"{t % 5},25","{t % 7},5"' for t in range(60))]
    values = {"time": "time", "target": ("y",), "window": 5, "max_steps": 3}
    values |= {"decimal": ",", "delimiter": ",", "recipe": "classic"}
    path = table_of(tmp_path, lines, ["0,bad,bad", "1,bad,bad"])
    assert swept(path, "regress", values) == alone(tmp_path, lines, "regress", values)
