"""The commands from end to end, on small data in a folder of their own."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sklearn
import torch

from hiddenstate.cli import doctor
from hiddenstate.data import read_dataset
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.jobs import make_job
from hiddenstate.runs import Run
from hiddenstate.training.trainer import Callback
from tests import classic, warm

OFF = ("--view", "off", "--threads", "1")
UNBUFFERED = {**os.environ, "PYTHONUNBUFFERED": "1"}
SMALL = ("--hidden-size", "6", "--batch-size", "16", "--log-every", "3", *OFF)


def test_classify_prints_what_the_classic_script_prints(cli, tiny_idx):
    done = cli("classify", tiny_idx, "--recipe", "classic", *SMALL)
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0].startswith("data: digits, idx files of images and labels: 120 + 30 test")
    assert "  (rnn): LSTM(8, 6, batch_first=True)" in lines
    assert any(
        line.startswith("Epoch:  0 | train loss: ") and " | test accuracy: " in line
        for line in lines
    )
    predicted, real = (line for line in lines if line.endswith(" number"))
    assert predicted.endswith("prediction number")
    assert real.endswith("real number")
    assert len(real.split("]")[0].split()) == 10
    assert "test accuracy on all 30 rows: " in done.out
    assert "next: hiddenstate" in done.out


def test_the_model_is_printed_as_torch_prints_it():
    from hiddenstate.config import AutoencoderConfig, RecurrentConfig
    from hiddenstate.models.net import Net
    from hiddenstate.models.torch_modules import make_module

    recurrent = RecurrentConfig(cell="gru", layers=2, dropout=0.5, bidirectional=True)
    coder = AutoencoderConfig(activation="relu", output_activation="linear")
    for net in (
        Net("classify", recurrent, 28, 10),
        Net("regress", RecurrentConfig(cell="rnn"), 1, 1, "steps"),
        Net("autoencode", coder, 12, 12),
        Net("autoencode", AutoencoderConfig(output_activation="sigmoid"), 784, 784),
    ):
        assert net.describe() == str(make_module(net, net.initial(0, "float32")))


def test_json_is_one_flat_object_and_nothing_else(cli, tiny_idx):
    for job, key in (("classify", "test_accuracy"), ("autoencode", "test_mse")):
        small = SMALL if job == "classify" else ("--encoder-sizes", "8,4", *OFF)
        done = cli(job, tiny_idx, *small, "--json")
        printed = json.loads(done.out)
        assert {"job", "run", "seed", "engine", "steps", "seconds", key} <= set(printed)
        assert not any(isinstance(value, (dict, list)) for value in printed.values())


def test_config_of_a_run_and_toml_files_set_options(cli, tmp_path):
    cli("regress", "--windows", "20", "--hidden-size", "5", *OFF)
    done = cli("regress", "--config", "runs/regress-1/config.json", "--windows", "30", *OFF)
    assert done.code == 0
    config = Run(tmp_path / "runs" / "regress-2").config
    assert (config.model.hidden_size, config.data.windows) == (5, 30)
    (tmp_path / "own.toml").write_text("windows = 12\n[model]\nhidden-size = 3\n")
    assert cli("regress", "--config", "own.toml", *OFF).code == 0
    assert Run(tmp_path / "runs" / "regress-3").config.model.hidden_size == 3


def test_the_logged_loss_of_each_step_is_that_of_a_plain_loop(cli, tiny_idx, tmp_path):
    """--weights, --no-shuffle, --dtype float64 and --log-every 1 log the loss of every step."""
    torch.manual_seed(0)
    module = classic.Recurrent("lstm", 8, 64, 3).double()
    torch.save(module.state_dict(), tmp_path / "classic.pt")
    words = ["--weights", "classic.pt", "--no-shuffle", "--dtype", "float64", "--log-every", "1"]
    words += ["--recipe", "classic", "--batch-size", "16", "--epochs", "4", "--max-steps", "30"]
    done = cli("classify", tiny_idx, *words, "--n-evaluated", 0, *OFF)
    assert done.code == 0
    run = Run(tmp_path / "runs" / "classify-1")
    losses = [event["loss"] for event in run.history() if event["event"] == "log"]
    digits = prepare(read_dataset(run.config), run.config)
    batches = make_job(run.config, digits).batches
    loop = classic.loop("classify", module, 0.01, batches, digits.train.X, digits.train.y, 30)
    np.testing.assert_allclose(losses, [step.loss for step in loop], rtol=1e-6)


def test_weights_of_a_model_file_are_the_initial_weights(cli, tmp_path):
    cli("regress", "--windows", "20", *OFF)
    weights = ("--weights", "runs/regress-1/model.safetensors")
    cli("regress", "--windows", "5", *weights, "--lr", "1e-30", *OFF)
    one, two = (Run(tmp_path / "runs" / f"regress-{n}").model().params for n in (1, 2))
    for name, array in one.items():
        np.testing.assert_array_equal(two[name], array)


def test_predict_prints_labels_probabilities_outputs_and_codes(cli, tiny_idx, tmp_path):
    cli("classify", tiny_idx, *SMALL)
    out = cli("predict", "classify-1", "--proba").out.splitlines()
    assert len(out) == 31
    assert out[0].startswith("row,label,p_")
    assert sum(map(float, out[1].split(",")[2:])) == pytest.approx(1)
    cli("regress", "--windows", "20", *OFF)
    np.save(tmp_path / "signal.npy", np.sin(np.linspace(0, 6, 25)))
    assert len(cli("predict", "regress-1", "signal.npy").out.splitlines()) == 26
    cli("autoencode", tiny_idx, "--encoder-sizes", "8", *OFF)
    done = cli("predict", "autoencode-1", "--output", "codes.csv")
    assert done.code == 0
    assert (tmp_path / "codes.csv").read_text().splitlines()[0] == "row,code_1,code_2,code_3,error"


def test_evaluate_agrees_with_the_results_of_the_run(cli, tiny_idx):
    trained = json.loads(cli("classify", tiny_idx, *SMALL, "--json").out)
    printed = json.loads(cli("evaluate", "classify-1", "--json").out)
    assert printed["accuracy"] == trained["test_accuracy"]
    assert json.loads(cli("evaluate", "classify-1", tiny_idx, "--json").out)["rows"] == 30
    trained = json.loads(cli("autoencode", tiny_idx, *OFF, "--json").out)
    printed = json.loads(cli("evaluate", "last", "--json").out)
    assert printed["mse"] == pytest.approx(trained["test_mse"], rel=1e-6)


def test_evaluate_says_so_if_the_network_is_worse(cli, tmp_path):
    rows = "".join(f"{k % 7},{k * 5 % 11},{'pq'[k % 3 > 0]}\n" for k in range(60))
    (tmp_path / "own.csv").write_text("a,b,kind\n" + rows)
    line = "the network is worse than "
    for job, options in (
        ("autoencode", ("--label", "kind")),
        ("regress", ("--target", "b", "--horizon", 1, "--no-linear")),
        ("regress", ("--target", "b", "--layout", "features")),
    ):
        done = cli(job, "own.csv", *options, "--lr", 1, "--max-steps", 3, *OFF)
        assert line in done.out
        first = next(each for each in done.out.splitlines() if each.startswith(line))
        said = [each for each in cli("evaluate", "last").out.splitlines() if each.startswith(line)]
        assert [each.partition(": ")[2] for each in said] == [first.partition(": ")[2]]
        assert f"\n{line}" in cli("evaluate", "last", "own.csv").out
        json.loads(cli("evaluate", "last", "--json").out)


def test_a_code_wider_than_a_layer_before_it_is_noted(cli, tiny_idx):
    words = ("autoencode", tiny_idx, "--max-steps", 1, *OFF)
    note = "note: the code has 32 numbers, but a layer before it only 12"
    for options in (("--recipe", "classic"), ("--encoder-sizes", "64,12")):
        assert note in cli(*words, "--code-size", 32, *options).err
    for wider in ((), ("--encoder-sizes", "64,32")):
        assert "the code has" not in cli(*words, "--code-size", 32, *wider).err


def test_evaluate_of_regress_continues_with_the_next_windows(cli):
    cli("regress", *OFF)
    printed = json.loads(cli("evaluate", "regress-1", "--json").out)
    assert printed["answers"] == 1000
    assert printed["mse"] < 0.1 * printed["baseline_mse"]
    assert printed["mse"] < printed["reset_mse"]


def test_runs_compare_and_watch_read_what_was_recorded(cli, tiny_idx):
    cli("regress", "--windows", "20", *OFF)
    cli("regress", "--windows", "30", "--cell", "gru", *OFF)
    rows = cli("runs").out.splitlines()
    assert rows[0].split("\t") == ["run", "job", "data", "state", "best", "when"]
    assert [row.split("\t")[3] for row in rows[1:]] == ["done", "done"]
    compared = json.loads(cli("compare", "regress-1", "regress-2", "--json").out)
    assert compared["cell"] == ["rnn", "gru"]
    assert compared["windows"] == [20, 30]
    assert "seed" not in compared
    watched = cli("watch", "last", "--view", "lines").out.splitlines()
    assert watched[0].startswith("Window:  0 | train loss: ")
    end = watched.index("done")
    assert re.match(r"[\d.e-]+ error of the last 10 windows\. ", watched[end + 1])
    assert not any("_mse" in line for line in watched[end:])  # titles, no names of figures


def test_compare_names_no_best_of_runs_that_predict_other_things(cli, tmp_path):
    lines = [f"{i % 7},{i % 5},{'ab'[i % 2]},{'uv'[i % 3 > 0]}\n" for i in range(60)]
    (tmp_path / "two.csv").write_text("p,q,one,other\n" + "".join(lines))
    for label, drop in (("one", "p"), ("one", "q,other"), ("other", "p")):
        words = ("two.csv", "--label", label, "--drop", drop, "--max-steps", 2)
        assert cli("classify", *words, *OFF).code == 0
    same = cli("compare", "classify-1", "classify-2").out
    assert "drop\tp\tq,other" in same.splitlines()
    assert "\nbest: classify-" in same
    assert "\nbest: " not in cli("compare", "classify-1", "classify-2", "classify-3").out


def test_resume_adds_to_a_finished_run(cli, tmp_path):
    cli("regress", "--windows", "20", *OFF)
    assert cli("resume", "regress-1", "--view", "off").code == 2
    done = cli("resume", "regress-1", "--windows", "+15", "--view", "off", "--json")
    assert json.loads(done.out)["steps"] == 35
    once = json.loads(cli("regress", "--windows", "35", "--json", *OFF).out)
    assert json.loads(done.out)["last10_mse"] == once["last10_mse"]
    histories = [
        (tmp_path / "runs" / name / "history.jsonl").read_bytes()
        for name in ("regress-1", "regress-2")
    ]
    assert histories[0] == histories[1]


def test_resume_rejects_data_that_changed(cli, tmp_path):
    signal_file = tmp_path / "own.npz"
    steps = np.linspace(0, 30, 300)
    np.savez(signal_file, X=np.sin(steps), y=np.cos(steps))
    cli("regress", "own.npz", *OFF)
    np.savez(signal_file, X=np.sin(steps), y=np.sin(steps))
    done = cli("resume", "regress-1", "--epochs", "+1", "--view", "off")
    assert done.code == 2
    assert "data changed" in done.err
    assert "--allow-changed" in done.err
    assert (
        cli("resume", "regress-1", "--epochs", "+1", "--allow-changed", "--view", "off").code == 0
    )


def test_a_run_made_from_arrays_is_rejected(cli, tmp_path):
    from hiddenstate import Autoencoder

    rows = np.random.default_rng(0).random((30, 4))
    Autoencoder((3,), 2, max_steps=3, threads=1).fit(rows, run_dir=tmp_path / "own")
    for command in (("evaluate", "own"), ("predict", "own"), ("resume", "own", "--epochs", "+1")):
        done = cli(*command)
        assert done.code == 2
        assert "arrays in Python" in done.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_gives_a_hint_and_the_run_can_be_resumed(number, code, cli, tmp_path):
    """The signal is sent at the third printed line, not at a time."""
    command = ["-m", "hiddenstate", "regress", "--windows", "4000", *OFF]
    process = warm.Piped(command, tmp_path, UNBUFFERED)
    lines = 0
    for line in process.stdout:
        lines += line.startswith("Window:")
        if lines == 3:
            process.send_signal(number)
            break
    _, err = process.communicate()
    assert process.returncode == code
    last = err.strip().splitlines()[-1]
    assert last.startswith("error: interrupted after step ")
    assert "hiddenstate resume runs/regress-1" in last
    run = Run(tmp_path / "runs" / "regress-1")
    assert run.status() == "interrupted"
    step = run.checkpoint()[1]["step"]
    assert 20 < step < 4000
    assert cli("resume", "regress-1", "--view", "off", "--max-steps", step + 25).code == 0
    assert run.status() == "done"


def test_a_reader_that_leaves_interrupts_quietly(tmp_path):
    command = ["-m", "hiddenstate", "regress", "--windows", "100000", *OFF]
    process = warm.Piped(command, tmp_path, UNBUFFERED)
    for line in process.stdout:
        if line.startswith("Window:"):
            break
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait() == 141
    assert "Traceback" not in err
    assert "rror" not in err
    run = Run(tmp_path / "runs" / "regress-1")
    assert run.status() == "interrupted"
    assert 0 < run.checkpoint()[1]["step"] < 100_000


@pytest.mark.parametrize("moved", ["the folder", "the lock"])
def test_a_run_moved_while_it_trains_ends_with_3_and_resumes_in_its_new_place(
    moved, cli, tmp_path, monkeypatch
):
    path = tmp_path / "runs" / "regress-1"

    class Moves(Callback):
        def on_log(self, trainer, event):
            if event["step"] == 10:
                (path if moved == "the folder" else path / "lock").rename(tmp_path / "moved")

    monkeypatch.setattr("hiddenstate.cli.train.view_callbacks", lambda *rest: [Moves()])
    done = cli("regress", "--windows", "25", "--log-every", "5", "--checkpoint-every", "5", *OFF)
    assert done.code == 3
    assert done.err.endswith(
        "regress-1: the run folder or its lock was moved or removed during training; nothing more "
        "is written there\n"
    )
    kept = tmp_path / "moved" if moved == "the folder" else path
    assert Run(kept).checkpoint()[1]["step"] == 10
    monkeypatch.setattr("hiddenstate.cli.train.view_callbacks", lambda *rest: [])
    assert cli("resume", kept, "--view", "off").code == 0
    assert Run(kept).status() == "done"


def test_memory_that_runs_out_outside_training_has_exit_code_3(cli, monkeypatch):
    def out(*arguments, **options):
        raise MemoryError("Unable to allocate 9 GiB")

    monkeypatch.setattr("hiddenstate.cli.train.make_config", out)
    done = cli("regress", *OFF)
    assert done.code == 3
    assert "out of memory: Unable to allocate 9 GiB; " in done.err
    assert done.err.endswith("use a smaller --batch-size or --hidden-size\n")


def test_a_diverging_run_ends_with_5_and_saved_numbers_are_finite(cli, tmp_path):
    done = cli("regress", "--lr", "1e25", "--windows", "50", *OFF)
    assert done.code == 5
    assert "epoch 0, batch " in done.err
    run = Run(tmp_path / "runs" / "regress-1")
    assert run.status() == "diverged"
    assert not (run.path / "model.safetensors").exists()
    assert all(np.isfinite(event["loss"]) for event in run.history() if event["event"] == "log")


def test_doctor_reports_versions_threads_devices_and_display(cli):
    printed = json.loads(cli("doctor", "--json").out)
    assert {"hiddenstate", "python", "torch", "torch threads", "devices", "display"} <= set(printed)
    assert printed["bundled MNIST"].startswith("sound, 60,000")


def test_doctor_names_the_instructions_of_the_baseline(monkeypatch):
    monkeypatch.setattr("hiddenstate.kernels.level", lambda: "baseline")
    monkeypatch.setattr("hiddenstate.kernels.why_not", lambda: None)
    monkeypatch.setattr("hiddenstate.cli.doctor.platform.machine", lambda: "aarch64")
    assert doctor._kernel_facts()["engine"].startswith("native, baseline, NEON (available: ")


def test_doctor_reports_a_torch_whose_libraries_do_not_load(monkeypatch):
    class Broken:
        def find_spec(self, name, path, target=None):
            if name == "torch":
                raise OSError("libgomp.so.1: version `GLIBC_2.38' not found")

    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    monkeypatch.setattr(doctor, "is_installed", lambda module: True)
    assert doctor._torch_facts()["devices"].startswith("cpu; torch cannot be imported: libgomp")


def test_doctor_reads_the_version_of_a_module_from_a_package_of_another_name():
    """`pip install mlflow-skinny` brings the module mlflow, and no package mlflow."""
    assert doctor._version("sklearn") == f"{sklearn.__version__}, of scikit-learn"
    assert doctor._version("tests") == "of no known package"


def test_a_library_that_cannot_be_loaded_has_exit_code_3(cli, monkeypatch):
    def refuse(*given):
        try:
            next(iter(()))
        except StopIteration as silent:
            words = "\nlibtorch_cpu.so: failed to map segment from shared object\n"
            raise ImportError(words) from silent

    monkeypatch.setattr("hiddenstate.runs.list_runs", refuse)
    done = cli("runs")
    assert done.code == 3
    assert done.err.startswith("error: a library cannot be loaded: libtorch_cpu.so: failed to map")


def test_a_full_stdout_has_exit_code_3(trained, monkeypatch):
    """Python flushes stdout once more at exit, and ends with 120 if that fails."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    with open("/dev/full", "w") as full:
        words = [sys.executable, "-m", "hiddenstate", "predict", str(trained("classify"))]
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr == "error: No space left on device: standard output\n"


def test_output_that_cannot_be_written_has_exit_code_3(cli, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("hiddenstate.runs.list_runs", full)
    done = cli("runs")
    assert (done.code, done.err) == (3, "error: No space left on device: standard output\n")


def test_an_internal_error_leaves_its_traceback_in_a_file(cli, monkeypatch):
    monkeypatch.setattr("hiddenstate.runs.list_runs", lambda runs_dir, tell: 1 / 0)
    done = cli("runs")
    assert done.code == 1
    assert "ZeroDivisionError" in done.err
    trace = done.err.rstrip().split("with the traceback in ")[1]
    assert "Traceback" in Path(trace).read_text()
    with pytest.raises(ZeroDivisionError):
        cli("runs", "--debug")


def test_settings_of_matplotlib_that_cannot_be_read_are_named(cli, monkeypatch, tmp_path):
    import matplotlib

    path = tmp_path / "matplotlibrc"
    path.write_bytes(b"text.usetex: True\n\xff")
    read = matplotlib.rc_params_from_file  # matplotlib reads its settings when it is imported
    monkeypatch.setattr("hiddenstate.runs.list_runs", lambda runs_dir, tell: read(path))
    done = cli("runs")
    assert done.code == 3
    own, error = done.err.splitlines()  # matplotlib logs the file before it fails
    assert own.startswith("Cannot decode configuration file")
    assert error == f"error: {path}: matplotlib's settings are not UTF-8; correct or remove it"
