"""The commands on own data, and in unusual situations."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from hiddenstate.runs import Run
from hiddenstate.runs.run_data import run_dataset
from hiddenstate.views.catalog import drawings
from hiddenstate.views.timeline import Timeline
from tests import warm

OFF = ("--view", "off", "--threads", "1")
SMALL = ("--hidden-size", "6", "--batch-size", "16", "--log-every", "3", *OFF)


def test_output_last_trains_on_the_last_step_of_each_window(cli, tmp_path):
    """On the last values of the waves, and of a signal at the ends of its windows."""
    done = cli("regress", "--output", "last", "--windows", "30", "--json", *OFF)
    assert done.code == 0
    assert Run(tmp_path / "runs" / "regress-1").model().net.output == "last"
    t = np.arange(400) * 0.3
    np.savez(tmp_path / "own.npz", X=np.sin(t), y=np.cos(t))
    cli(
        *("regress", "own.npz", "--output", "last", "--no-stateful", "--batch-size", "8"),
        *("--shuffle", "--epochs", "60", "--lr", "0.01", "--clip", "1"),
        *OFF,
    )
    scores = json.loads(cli("evaluate", "regress-2", "own.npz", "--json").out)
    assert scores["answers"] == 369
    assert scores["mse"] < 0.1 * scores["baseline_mse"]


def test_rows_that_are_not_sequences_are_drawn_too(cli, tmp_path):
    t = np.arange(300) * 0.3
    np.savez(tmp_path / "own.npz", X=np.sin(t), y=np.cos(t))
    done = cli("regress", "own.npz", "--no-stateful", "--batch-size", "8", "--view", "files")
    assert done.code == 0
    drawn = {path.stem for path in (tmp_path / "runs/regress-1/figures").iterdir()}
    assert drawn == {"signals", "learning", "tracking", "held_out", "hidden", "portrait", "why"}
    assert json.loads(cli("evaluate", "regress-1", "own.npz", "--json").out)["answers"] == 300


def test_a_run_is_resumed_from_another_folder(cli, tmp_path, monkeypatch):
    t = np.arange(200) * 0.3
    np.savez(tmp_path / "own.npz", X=np.sin(t), y=np.cos(t))
    cli("regress", "own.npz", *OFF)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert cli("resume", "../runs/regress-1", "--epochs", "+1", "--view", "off").code == 0


def test_resume_does_not_require_the_initial_weights(cli, run_of):
    weights = run_of("regress").path / "model.safetensors"
    cli("regress", "--windows", "20", "--weights", weights, *OFF)
    weights.unlink()
    assert cli("resume", "regress-2", "--windows", "+5", "--view", "off").code == 0


def test_added_steps_count_from_the_last_step_of_the_run(cli, tmp_path):
    cli("regress", "--windows", "20", *OFF)
    done = cli("resume", "regress-1", "--max-steps", "+100", "--view", "off")
    assert done.code == 2
    assert "--windows +100" in done.err
    cli("regress", "--windows", "50", "--max-steps", "20", *OFF)
    assert "--max-steps +80" in cli("resume", "regress-2", "--epochs", "+1").err
    done = cli("resume", "regress-2", "--max-steps", "+10", "--view", "off", "--json")
    assert json.loads(done.out)["steps"] == 30


@pytest.mark.parametrize("dtype", ["int8", "uint64", "bool", "float16"])
def test_numbers_of_any_type_are_trained_on_and_drawn(dtype, cli, tmp_path):
    rows = np.random.default_rng(0).integers(0, 2, (30, 6, 2)).astype(dtype)
    np.savez(tmp_path / "own.npz", X=rows, y=np.arange(30) % 3)
    quick = ("--hidden-size", "4", "--epochs", "2", "--threads", "1")
    done = cli("classify", "own.npz", "--view", "off", *quick)
    assert done.code == 0, done.err
    timeline = Timeline(Run(tmp_path / "runs/classify-1"))
    draws = drawings(timeline, timeline.moment())
    for name in ("example", "predictions", "worst"):  # those that show rows
        draws[name](None).draw_without_rendering()


def test_a_score_that_is_not_finite_is_a_divergence(cli, tmp_path):
    np.save(tmp_path / "own.npy", np.random.default_rng(0).random((40, 5)).astype("f4"))
    done = cli(
        *("autoencode", "own.npy", "--optimizer", "sgd", "--activation", "relu"),
        *("--output-activation", "linear", "--lr", "1e12", "--max-steps", "1"),
        *OFF,
    )
    assert done.code == 5


def test_a_seed_out_of_range_is_rejected_before_training(cli, tmp_path):
    done = cli("regress", "--seed", 2**63 - 1, "--seeds", "2", *OFF)
    assert done.code == 2
    assert not (tmp_path / "runs").exists()


def test_one_of_two_data_sets_in_a_folder_must_be_named(cli, tmp_path):
    from tests.conftest import write_digits

    write_digits(tmp_path / "data" / "MNIST" / "raw")
    write_digits(tmp_path / "data" / "FashionMNIST" / "raw")
    done = cli("classify", "data", *SMALL)
    assert done.code == 2
    assert "several data sets" in done.err
    assert cli("classify", "data/MNIST", *SMALL).code == 0


def test_evaluate_rejects_test_rows_that_changed(cli, tmp_path):
    from tests.conftest import write_digits

    write_digits(tmp_path / "d", n_test=30)
    cli("classify", "d", *SMALL)
    write_digits(tmp_path / "d", n_test=36)
    done = cli("evaluate", "classify-1")
    assert done.code == 2
    assert "data changed" in done.err


def test_predictions_are_written_to_a_device_without_replacing_it(cli, run_of):
    run_of("regress")
    assert cli("predict", "regress-1", "--output", "/dev/null").code == 0
    assert not Path("/dev/null").is_file()


def test_lines_are_printed_above_the_progress_bar_on_a_terminal(tmp_path):
    import pty

    command = ["-m", "hiddenstate", "regress", "--windows", "300", *OFF]
    screen, other = pty.openpty()
    terminal = Path(os.ttyname(other))
    process = warm.Program(command, tmp_path, terminal, given=terminal)
    text = os.read(screen, 65536)  # it has opened the other end
    os.close(other)
    while True:
        try:
            piece = os.read(screen, 65536)
        except OSError:  # on Linux, the other end is closed
            break
        text += piece
    assert process.wait() == 0
    rows = text.decode().replace("\r\n", "\n").split("\n")
    lines = [row for row in rows if "Window:" in row]
    assert len(lines) == 30
    assert b"steps/s" in text
    # A terminal shows of a row what follows the last carriage return.
    assert all("steps/s" not in row.split("\r")[-1].split("\x1b[2K")[-1] for row in lines)


def test_text_labels_are_trained_on_and_predicted(cli, tmp_path):
    rows = np.random.default_rng(0).random((40, 5, 2))
    np.savez(tmp_path / "own.npz", X=rows, y=np.where(rows[:, :, 0].mean(1) > 0.5, "up", "down"))
    assert cli("classify", "own.npz", *SMALL).code == 0
    assert set(cli("predict", "last", "own.npz").out.split()[1:]) <= {
        f"{n},{label}" for n in range(40) for label in ("up", "down")
    }
    assert cli("evaluate", "last", "own.npz").code == 0


def test_an_option_of_another_job_or_without_effect_is_rejected(cli, tmp_path):
    np.savez(tmp_path / "own.npz", X=np.arange(50.0), y=np.arange(50.0))
    assert "belongs to autoencode" in cli("classify", "--code-size", "3").err
    assert "--windows" in cli("regress", "own.npz", "--windows", "3").err
    assert "27 equal steps" in cli("classify", "--steps", "27").err


def test_the_command_it_suggests_next_works(blank, cli, tiny_idx, tmp_path):
    np.savez(tmp_path / "own.npz", X=np.arange(50.0), y=np.arange(50.0))
    for command in (("classify", tiny_idx, *SMALL), ("regress", "own.npz", "--threads", "1")):
        said = cli(*command).out.splitlines()[-1]
        assert cli(*said.removeprefix("next: hiddenstate ").split()).code == 0


def test_uint8_signals_are_fractions_in_training_and_predicting(cli, tmp_path):
    t = np.arange(300) * 0.3
    waves = (np.sin(t) * 127 + 128).astype(np.uint8)
    np.savez(tmp_path / "pixels.npz", X=waves, y=np.cos(t))
    np.savez(tmp_path / "floats.npz", X=waves / 255, y=np.cos(t))
    for name in ("pixels", "floats"):
        cli("regress", f"{name}.npz", "--epochs", "3", *OFF)
    one, two = (
        json.loads(cli("evaluate", f"regress-{n}", f"{name}.npz", "--json").out)["mse"]
        for n, name in ((1, "pixels"), (2, "floats"))
    )
    assert one == pytest.approx(two, rel=1e-3)


def test_the_test_part_of_a_signal_is_evaluated(blank, cli, tmp_path):
    t = np.arange(400) * 0.3
    np.savez(tmp_path / "own.npz", X=np.sin(t), y=np.cos(t), X_test=np.sin(t), y_test=np.cos(t))
    said = cli("regress", "own.npz", "--threads", "1").out
    assert "next: hiddenstate evaluate" in said
    assert json.loads(cli("evaluate", "last", "--json").out)["answers"] == 400


def test_paths_in_a_toml_file_become_absolute(cli, tmp_path, monkeypatch):
    t = np.arange(200) * 0.3
    np.savez(tmp_path / "own.npz", X=np.sin(t), y=np.cos(t))
    (tmp_path / "own.toml").write_text('data = "own.npz"\n')
    assert cli("regress", "--config", "own.toml", *OFF).code == 0
    monkeypatch.chdir("/")
    done = cli("resume", tmp_path / "runs/regress-1", "--epochs", "+1", "--view", "off")
    assert done.code == 0


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("history.jsonl", '{"event": "log"}'),
        ("history.jsonl", '{"event": "end", "step": 20, "last10_mse": "x"}'),
        ("journal.jsonl", '{"event": 5}'),
        ("journal.jsonl", "[]"),
    ],
)
def test_a_damaged_line_in_one_run_does_not_hide_other_runs(name, line, cli, run_of, tmp_path):
    shutil.copytree(run_of("regress").path, tmp_path / "runs" / "regress-2")
    (tmp_path / "runs/regress-1" / name).write_text(line + "\n")
    (tmp_path / "runs/regress-1/snapshots/0abc.safetensors").touch()
    done = cli("runs")
    assert done.code == 0
    assert f"{name}:1: this line is damaged" in done.err
    assert len(done.out.splitlines()) == 3
    assert cli("watch", "regress-1", "--view", "lines").code == 0
    assert cli("compare", "regress-1", "regress-2").code == 0
    timeline = Timeline(Run(tmp_path / "runs/regress-1"))
    assert "signals" in drawings(timeline, timeline.moment())


def test_the_config_of_a_run_must_be_complete(cli, run_of):
    path = run_of("regress").path / "config.json"
    record = json.loads(path.read_text())
    del record["config"]["training"]["lr"], record["sha256"]
    path.write_text(json.dumps(record))
    done = cli("evaluate", "regress-1")
    assert done.code == 4
    assert "lr missing" in done.err


def test_figures_are_drawn_for_any_labels(cli, tmp_path):
    from hiddenstate import RecurrentClassifier

    rows = np.random.default_rng(0).random((30, 4, 2))
    labels = np.array(["$^$", "a\nb", "<b>"])[np.arange(30) % 3]
    RecurrentClassifier(hidden_size=3, max_steps=3).fit(rows, labels, run_dir=tmp_path / "own")
    assert cli("figures", "own").code == 0


@pytest.mark.parametrize("job", ["classify", "regress", "autoencode"])
def test_a_split_in_time_does_not_depend_on_the_order_of_the_file(job, cli, tmp_path):
    """Rows and series of a shuffled file are ordered by date; the latest are held out."""
    lines = []
    for k in range(40):
        store, day = k % 2, k // 2
        date = f"2024-{1 + day // 10:02}-{1 + day % 10:02}"
        lines.append(f"{'us'[store]},{date},{day + 100 * store},{day % 3},{'ab'[day % 2]}")
    (tmp_path / "sorted.csv").write_text("\n".join(["store,date,v,w,kind", *lines]) + "\n")
    shuffled = [lines[(7 * k) % 40] for k in range(40)]
    shuffled.sort(key=lambda line: line[0] != "u")  # the series keep their order
    (tmp_path / "shuffled.csv").write_text("\n".join(["store,date,v,w,kind", *shuffled]) + "\n")
    options = ["--split", "time", "--time", "date", "--input", "v,w", "--max-steps", "4"]
    if job == "regress":
        options += ["--id", "store", "--target", "v", "--horizon", "1", "--window", "4"]
        options += ["--scale", "standard"]  # of the columns, whose values the transform gives back
    else:
        options += ["--label", "kind", "--layout", "wide"]
    tests = []
    for name in ("sorted", "shuffled"):
        done = cli(job, f"{name}.csv", *options, *OFF)
        assert done.code == 0, done.err
        note = f"note: {name}.csv: the rows are not in the order of date; ordered by it"
        assert (note in done.err) == (name == "shuffled")
        tests.append(run_dataset(Run(tmp_path / f"runs/{job}-{len(tests) + 1}")))
        assert ("(the end of each series)" in done.out) == (job == "regress")
    last = {
        np.sort(d.transform.undo(d.test.X.reshape(-1, 2))[:, 0]).round(3).tobytes() for d in tests
    }
    assert len(last) == 1
    values = np.frombuffer(last.pop(), np.float32)
    if job == "regress":  # 4 steps of each store, without the last, which has no value ahead
        assert set(values[-4:]) == {115, 116, 117, 118}
    else:
        assert sorted(values) == [16, 17, 18, 19, 116, 117, 118, 119]
    assert cli("evaluate", f"{job}-2").code == 0
    predicted = cli("predict", f"{job}-2").out.splitlines()
    if job == "regress":  # at the last step held out, a value that is ahead of the file
        held_out = [line.split(",")[:3] for line in predicted if ",test," in line]
        assert {day for _, _, day in held_out} <= {f"2024-02-{n:02}" for n in range(6, 10)}
        assert {store for store, _, _ in held_out} == {"u", "s"}


@pytest.mark.parametrize("carried", [False, True])
def test_a_signal_with_gaps_is_filled_in_and_its_windows_are_kept(carried, cli, tmp_path):
    """Evaluating the same signal fills the same gaps as training did."""
    rows = [f"{day},{'' if day % 16 == 5 else day}" for day in range(96)]
    (tmp_path / "own.csv").write_text("\n".join(["day,demand", *rows]) + "\n")
    asked = cli("regress", "own.csv", "--horizon", "1", *OFF)
    assert "fill them in with --missing forward, mask or mean" in asked.err
    options = ["--horizon", "1", "--missing", "forward", "--window", "8", "--max-steps", "5"]
    if carried:
        options += ["--stateful", "--output", "last"]
    done = cli("regress", "own.csv", *options, *OFF)
    assert done.code == 0, done.err
    assert "targets are missing at 6 of 96 steps, which are not scored" in done.err
    n, dropped = (9, 0) if carried else (69, 4)
    assert (f"{dropped} of {n} windows dropped for missing targets" in done.err) == (not carried)
    assert f"trained on: {n - dropped} windows" in done.out
    assert "--missing forward --target demand" in cli("inspect", "own.csv").out
    assert cli("evaluate", "regress-1").code == 0
    scores = json.loads(cli("evaluate", "regress-1", "own.csv", "--json").out)
    assert scores["answers"] > 0
    assert np.isfinite(scores["mse"])


def test_predict_reports_what_test_rows_of_a_file_of_their_own_lack(cli, tmp_path):
    for name, gap in (("own", 10), ("later", 7)):
        rows = [f"{day},{'' if day % gap == 5 else day}" for day in range(40)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["day,demand", *rows]) + "\n")
    options = ["--horizon", "1", "--missing", "forward", "--window", "8", "--max-steps", "2"]
    files = ("own.csv", "--test", "later.csv", "--target", "demand")
    assert cli("regress", *files, *options, *OFF).code == 0
    noted = cli("predict", "regress-1").err
    assert "note: later.csv: targets are missing at 5 of 40 steps" in noted
    assert "own.csv" not in noted


@pytest.mark.parametrize(("job", "role"), [("classify", "label"), ("regress", "target")])
def test_figures_of_rows_with_marked_gaps_are_drawn(cli, tmp_path, job, role):
    random = np.random.default_rng(2)
    lines = [
        f"{a:.2f},{'' if k % 5 else f'{b:.2f}'},{k % 2}"
        for k, (a, b) in enumerate(random.normal(size=(60, 2)))
    ]
    (tmp_path / "gaps.csv").write_text("\n".join(["age,spend,churn", *lines]) + "\n")
    options = ("--missing", "mask", "--layout", "features", f"--{role}", "churn")
    done = cli(job, "gaps.csv", *options, "--max-steps", 3, "--view", "files", "--threads", 1)
    assert done.code == 0, done.err
    assert cli("verify", "last").code == 0
