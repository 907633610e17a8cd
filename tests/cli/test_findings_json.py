"""What `inspect --json` holds for a page that draws data: rows, ranges, recipe values."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.test_inspect import images, long_table, table


def test_json_holds_a_series_of_each_class_to_draw(cli, tmp_path):
    long_table(tmp_path / "sensors.csv")
    printed = json.loads(cli("inspect", "sensors.csv", "--json").out)
    assert [each["label"] for each in printed["samples"]] == ["run", "sit", "walk"]
    first = printed["samples"][0]
    assert (first["kind"], first["channels"], first["every"]) == ("series", ["acc_x", "acc_y"], 1)
    assert [len(channel) for channel in first["values"]] == [first["steps"]] * 2
    assert sum(printed["lengths"]) == printed["n_train"]


def test_long_series_are_sent_thinned(cli, tmp_path):
    np.save(tmp_path / "wave.npy", np.sin(np.arange(4 * 1001).reshape(4, 1001, 1) / 50))
    (sample,) = json.loads(cli("inspect", "wave.npy", "--json").out)["samples"]
    assert (sample["steps"], sample["every"], len(sample["values"][0])) == (1001, 6, 167)
    assert sample["values"][0][1] == pytest.approx(np.sin(6 / 50), abs=1e-4)


def test_json_holds_pixels_of_pictures(cli, tmp_path):
    printed = json.loads(cli("inspect", images(tmp_path / "pics"), "--json").out)
    sample = printed["samples"][0]
    height, width = sample["shape"]
    assert sample["kind"] == "picture"
    assert len(sample["values"]) == height * width * (3 if sample["in_color"] else 1)
    assert 0 <= min(sample["values"]) <= max(sample["values"]) <= 255


def test_json_holds_quantities_with_their_ranges(cli, tmp_path):
    rows = ["a,b,kind", *(f"{i % 7},{100 - i},{'xy'[i % 2]}" for i in range(40))]
    (tmp_path / "table.csv").write_text("\n".join(rows))
    printed = json.loads(cli("inspect", "table.csv", "--layout", "features", "--json").out)
    assert printed["unread"] == []  # the last line has no newline
    assert printed["samples"] == [
        {
            "label": label,
            "kind": "quantities",
            "channels": ["a", "b"],
            "n_channels": 2,
            "values": [i, 100 - i],
            "low": [0, 61],
            "high": [6, 100],
        }
        for i, label in enumerate("xy")
    ]


def test_json_holds_what_the_recipe_sets_and_training_uses(cli, tmp_path):
    long_table(tmp_path / "sensors.csv")
    fit = json.loads(cli("inspect", "sensors.csv", "--json").out)["fits"][0]
    assert (fit["job"], fit["options"]) == ("classify", {"missing": "forward"})
    trained = cli(*fit["command"].split()[1:], "--view", "off", "--max-steps", 1, "--json")
    config = json.loads((Path(json.loads(trained.out)["run"]) / "config.json").read_text())
    values = {
        name: v
        for part in config["config"].values()
        if isinstance(part, dict)
        for name, v in part.items()
    }
    for name in ("epochs", "batch_size", "lr", "hidden_size", "members", "cell"):
        assert fit["recipe"][name] == values[name]


def test_text_that_input_all_takes_says_so(cli, tmp_path):
    rows = [(i % 7, f"name{i}", ("red", "blue")[i % 2], "uv"[i // 2 % 2]) for i in range(12)]
    table(tmp_path / "t.csv", ["a", "who", "color", "label"], rows)
    said = cli("inspect", "t.csv")
    assert "  color  text    left out (text; an input with --input all)" in said.out
    assert "  who    text    left out (text)" in said.out
    said = cli("inspect", "t.csv", "--input", "all")
    assert "  color  text    input" in said.out
