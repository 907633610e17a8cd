"""Exporting: the check before anything is kept, what is refused, and the Python file."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate import RecurrentRegressor, load
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.errors import DataError, MachineError, OptionError, UntrustedFileError
from hiddenstate.export import export, export_model
from hiddenstate.export.export import TARGETS, target_named
from hiddenstate.export.python import file as python_file
from hiddenstate.system import atomic_file
from tests.conftest import QUIET
from tests.export.models import random_model
from tests.export.scripts import imported, run_file


def table_of(text: str) -> tuple[list[str], np.ndarray[Any, Any]]:
    lines = [line.split(",") for line in text.splitlines()]
    return lines[0], np.array(lines[1:])


def test_an_export_that_answers_otherwise_is_not_written(tmp_path, monkeypatch):
    model = random_model(3, job="regress", cell="gru", missing="error")

    def build(source):
        contents = python_file.build(source)
        return {".py": contents[".py"].replace(b"(1 - z) * np.tanh", b"(1 - z) * 1.001 * np.tanh")}

    wrong = replace(python_file.TARGET, build=build)
    monkeypatch.setattr(python_file, "TARGET", wrong)
    with pytest.raises(DataError, match="nothing was written: an answer differs by"):
        export_model(model, "python", tmp_path / "m.py")
    assert list(tmp_path.iterdir()) == []


def test_the_same_model_gives_the_same_bytes(tmp_path):
    model = random_model(5, job="classify")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        export_model(model, "python", tmp_path / name / "m.py")
    for name in ("m.py", "m.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_what_belongs_to_a_model_lies_beside_it(tmp_path):
    model = random_model(5, job="classify", missing="mask")
    report = export_model(model, "python", tmp_path / "m")
    assert [Path(name).name for name in report.files] == ["m.py", "m.json"]
    facts = json.loads((tmp_path / "m.json").read_text())
    assert facts["classes"] == model.classes
    assert facts["columns"] == list(model.transform.columns)
    assert facts["preparation"]["missing"] == "mask"
    assert len(facts["model_sha256"]) == 64
    assert facts["model_sha256"] in (tmp_path / "m.py").read_text()


def test_files_that_exist_are_replaced_only_if_forced(tmp_path):
    model, earlier = random_model(5, job="classify"), json.dumps({"model_sha256": "another"})
    (tmp_path / "m.json").write_text(earlier)
    with pytest.raises(OptionError, match=r"m\.json already exists; add --force"):
        export_model(model, "python", tmp_path / "m.py")
    assert [path.name for path in tmp_path.iterdir()] == ["m.json"]
    export_model(model, "python", tmp_path / "m.py", force=True)
    assert json.loads((tmp_path / "m.json").read_text())["job"] == "classify"


def test_a_file_that_is_no_export_is_never_replaced_by_what_lies_beside(tmp_path):
    model = random_model(5, job="classify")
    (tmp_path / "m.json").write_text("mine")
    with pytest.raises(OptionError, match="exists, and is not of an earlier export"):
        export_model(model, "python", tmp_path / "m.py", force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["m.json"]


def test_files_of_a_run_are_never_replaced(refuse, cli, tmp_path):
    assert cli("regress", "--windows", 5, *QUIET).code == 0
    before = (tmp_path / "runs" / "regress-1" / "config.json").read_bytes()
    words = ("export", "last", "--to", "python", "--force", "--output")
    assert "name another file" in refuse(2, *words, "runs/regress-1/config.py")
    assert (tmp_path / "runs" / "regress-1" / "config.json").read_bytes() == before


def test_exports_of_one_model_share_the_facts_beside_them(tmp_path):
    model = random_model(5, job="classify")
    export_model(model, "python", tmp_path / "m.py")
    facts = json.loads((tmp_path / "m.json").read_text())
    (tmp_path / "m.json").write_text(json.dumps(facts | {"graphs": 1}))
    (tmp_path / "m.py").unlink()
    export_model(model, "python", tmp_path / "m.py")
    assert json.loads((tmp_path / "m.json").read_text()) == facts | {"graphs": 1}


def test_an_answer_much_smaller_than_another_is_compared_by_its_own_scale(tmp_path, monkeypatch):
    model = random_model(
        1, job="regress", missing="error", linear=False, change=False, pixels=False
    )
    scaling = np.zeros(model.net.n_outputs), np.geomspace(1, 1e-8, model.net.n_outputs)
    assert model.net.n_outputs > 1
    model = replace(model, transform=replace(model.transform, target_scaling=scaling))

    def run(source, contents, trial):
        made = python_file.run(source, contents, trial)
        made.answers["y"][..., 0] = 0
        return replace(made, stream=None)

    blind = replace(python_file.TARGET, limit=1e-5, run=run)
    monkeypatch.setattr(python_file, "TARGET", blind)
    with pytest.raises(DataError, match="y 1 differs from the model's by more than a hundredth"):
        export_model(model, "python", tmp_path / "m.py")


def test_probabilities_that_are_all_but_certain_are_compared_too(tmp_path, monkeypatch):
    """Sums that are wrong by a tenth change a probability of 1e-20 and none of 1."""
    model = random_model(5, job="classify", missing="error", members=1)
    certain = {n: a * (300 if n.startswith("out.") else 1) for n, a in model.params.items()}
    model = replace(model, params=certain)

    def run(source, contents, trial):
        made = python_file.run(source, contents, trial)
        p = made.answers["probabilities"]
        other = np.where(p < p.max(axis=1, keepdims=True), p * 1.1, p)
        return replace(made, answers={**made.answers, "probabilities": other})

    largest = export_model(model, "python", tmp_path / "m.py").difference
    assert largest < 1e-9
    rough = replace(python_file.TARGET, limit=1.0, run=run)
    monkeypatch.setattr(python_file, "TARGET", rough)
    with pytest.raises(DataError, match="probabilities 1 differs"):
        export_model(model, "python", tmp_path / "other.py")


def test_a_file_that_cannot_be_written_leaves_all_as_it_was(tmp_path, monkeypatch):
    model = random_model(5, job="classify")
    (tmp_path / "m.json").write_text('{"model_sha256": 1}')
    write = atomic_file.write_output

    def full(path, data):
        if path.suffix == ".py":
            raise MachineError("no space")
        write(path, data)

    monkeypatch.setattr(atomic_file, "write_output", full)
    with pytest.raises(MachineError, match="no space"):
        export_model(model, "python", tmp_path / "m.py", force=True)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [
        ("m.json", '{"model_sha256": 1}')
    ]


def test_the_file_classifies_pictures_as_the_program(cli, tiny_idx, tmp_path):
    options = ("--max-steps", "30", "--hidden-size", "8")
    assert cli("classify", tiny_idx, *options, *QUIET).code == 0
    answer = cli("export", "classify-1", "--to", "python")
    assert answer.code == 0, answer.err
    assert "largest difference from the model in 12 rows" in answer.err
    model = imported(tmp_path / "classify_1.py")
    X = np.random.default_rng(0).integers(0, 256, (7, 8, 8)).astype(np.uint8)
    own = load(tmp_path / "runs" / "classify-1" / "model.safetensors")
    np.testing.assert_allclose(model.predict(X)["probabilities"], own.predict_proba(X), atol=1e-5)
    np.savetxt(tmp_path / "rows.csv", X.reshape(7, -1), "%d", ",")
    done = run_file(tmp_path / "classify_1.py", tmp_path / "rows.csv")
    assert done.stderr == ""
    head, table = table_of(done.stdout)
    assert head == ["row", "label", "p_0", "p_1", "p_2"]
    assert (table[:, 1].astype(int) == own.predict(X)).all()


LONG = """shop,day,price,promo,sales
{rows}
"""


def long_table(tmp_path: Path) -> Path:
    random = np.random.default_rng(1)
    lines = [
        f"{shop},{day},{random.normal(5):.3f},{day % 3},{random.normal(100 + day):.2f}"
        for shop in "ab"
        for day in range(40)
    ]
    path = tmp_path / "sales.csv"
    path.write_text(LONG.format(rows="\n".join(lines)))
    return path


@pytest.mark.parametrize("output", ["steps", "last"])
def test_the_file_predicts_a_table_as_the_program(cli, tmp_path, output):
    data = long_table(tmp_path)
    named = ("--id", "shop", "--time", "day", "--target", "sales", "--input", "price,promo")
    words = (*named, "--output", output, "--window", "6", "--hidden-size", "5")
    assert cli("regress", data, *words, "--max-steps", "20", *QUIET).code == 0
    assert cli("export", "last", "--to", "python", "--output", "sales.py").code == 0
    expected = table_of(cli("predict", "last", data).out)
    shuffled = tmp_path / "other.csv"
    lines = [line.split(",") for line in data.read_text().splitlines()]
    shuffled.write_text("\n".join(",".join(reversed(line)) for line in lines))
    done = run_file(tmp_path / "sales.py", shuffled)
    assert done.stderr == ""
    head, table = table_of(done.stdout)
    assert head == ["shop", "step", "sales"]
    names = [expected[0].index(name) for name in ("series", "step", "sales")]
    own = expected[1][:, names]
    assert (table[:, :2] == own[:, :2]).all()
    np.testing.assert_allclose(table[:, 2].astype(float), own[:, 2].astype(float), rtol=1e-5)


def test_a_file_without_a_column_is_one_line(tmp_path):
    model = random_model(5, job="classify", missing="error", pixels=False)
    export_model(model, "python", tmp_path / "m.py")
    (tmp_path / "rows.csv").write_text("x1,other\n1,2\n")
    done = run_file(tmp_path / "m.py", tmp_path / "rows.csv")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("no column x0; it has x1, other\n")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "rows.csv: no rows"),
        ("x0,x1,x2,x3\n1,2\n", "rows.csv:2: expected 4 columns as in the first line, found 2"),
        ("x0,x1,x2,x3\n1,2,3,4\n1,two,3,4\n", "rows.csv:3:x1: 'two' is not a number"),
        (
            'x0,x1,x2,x3\n1,"2,5",3,4\n',
            "'2,5' is not a number; the decimal mark of the training file is '.'",
        ),
        ("1,2\n3,4\n", "expected 4 columns, or a header, found 2"),
        ("1,2,3,\n" * 8, "rows.csv:1:3: missing or not finite"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path, text, message):
    model = random_model(4, job="regress", missing="error", pixels=False, linear=False)
    assert model.n_features == 4
    export_model(model, "python", tmp_path / "m.py")
    (tmp_path / "rows.csv").write_text(text)
    done = run_file(tmp_path / "m.py", tmp_path / "rows.csv")
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_file_says_which_columns_it_reads(cli, tmp_path):
    words = ("--id", "shop", "--time", "day", "--target", "sales", "--input", "price,promo")
    data = long_table(tmp_path)
    assert cli("regress", data, *words, "--max-steps", "1", *QUIET).code == 0
    assert cli("export", "last", "--to", "python", "--output", "sales.py").code == 0
    said = run_file(tmp_path / "sales.py", "--help").stderr
    assert "a step: the columns price, promo; shop names the series; day orders the lines" in said
    for name in ("shop", "day", "price"):
        lines = [line.split(",") for line in data.read_text().splitlines()]
        drop = lines[0].index(name)
        kept = "\n".join(",".join(c for j, c in enumerate(line) if j != drop) for line in lines)
        (tmp_path / "less.csv").write_text(kept)
        done = run_file(tmp_path / "sales.py", tmp_path / "less.csv")
        assert (done.returncode, done.stdout) == (2, "")
        assert f"no column {name}; it has " in done.stderr


def test_the_file_reads_a_table_of_an_autoencoder(cli, tmp_path):
    data = tmp_path / "rows.csv"
    lines = "".join(f'"1,{i:03}.5",{i % 7},{i % 5}\n' for i in range(40))
    data.write_text(f'"a; b",c,d\n{lines}')
    assert cli("autoencode", data, "--thousands", ",", "--max-steps", "2", *QUIET).code == 0
    assert cli("export", "last", "--to", "python", "--output", "m.py").code == 0
    expected = table_of(cli("predict", "last", data).out)
    head, table = table_of(run_file(tmp_path / "m.py", data).stdout)
    names = [expected[0].index(name) for name in head[:-1]]
    own = expected[1][:, names].astype(float)
    np.testing.assert_allclose(table[:, :-1].astype(float), own, rtol=1e-4, atol=1e-6)


def test_any_numbers_are_read_where_the_training_file_had_pixels(cli, tmp_path):
    model = random_model(5, job="autoencode", pixels=True)
    transform = replace(model.transform, reading={"layout": "features"})
    model = replace(model, transform=transform)
    model.save(tmp_path / "m.safetensors")
    export_model(model, "python", tmp_path / "m.py")
    columns, rows = model.transform.columns, tmp_path / "rows.csv"
    cells = [("300", "-1.5", "7")[i % 3] for i in range(len(columns))]
    rows.write_text(f"{','.join(columns)}\n{','.join(cells)}\n")
    expected = table_of(cli("predict", tmp_path / "m.safetensors", rows).out)
    head, table = table_of(run_file(tmp_path / "m.py", rows).stdout)
    names = [expected[0].index(name) for name in head[:-1]]
    own = expected[1][:, names].astype(float)
    np.testing.assert_allclose(table[:, :-1].astype(float), own, rtol=1e-4, atol=1e-6)


def test_names_of_any_kind_are_refused_in_one_line(tmp_path):
    name = "a\n\x1b[31m\u202eb"
    model = random_model(5, job="autoencode", pixels=False)
    columns = (name, *model.transform.columns[1:])
    transform = replace(model.transform, columns=columns, reading={"layout": "features"})
    export_model(replace(model, transform=transform), "python", tmp_path / "m.py")
    rows = tmp_path / "rows\n.csv"
    for text in (
        "x1,other\n1,2\n",
        f'"{name}","{name}"\n1,2\n',
        f'"{name}",{",".join(columns[1:])}\n"{name}"{",1" * len(columns[1:])}\n',
    ):
        rows.write_text(text)
        done = run_file(tmp_path / "m.py", rows)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.removesuffix("\n").isprintable()
        assert "a\\n\\x1b[31m\\u202eb" in done.stderr
    assert run_file(tmp_path / "m.py", "--help").stderr.replace("\n", "").isprintable()


def test_a_missing_value_that_the_model_does_not_read_is_refused(tmp_path):
    model = random_model(5, job="classify", missing="error", pixels=False)
    export_model(model, "python", tmp_path / "m.py")
    X = np.zeros((1, 4, model.n_features))
    X[0, 2, 0] = np.nan
    with pytest.raises(ValueError, match="values are missing"):
        imported(tmp_path / "m.py").predict(X)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--to", "pyton"), "--to: unknown target pyton; expected "),
        (("--to", "python", "--weights", "int8"), "--weights: --to python stores float32"),
        (("--to", "python", "--output", "no/x.py"), "no does not exist; create it first"),
        (("--to", "python", "--output", "there/"), "is a folder; name what to write in it"),
    ],
)
def test_a_wrong_option_is_one_line(refuse, tmp_path, words, message):
    (tmp_path / "there").mkdir()
    random_model(5, job="classify").save(tmp_path / "m.safetensors")
    assert message in refuse(2, "export", "m.safetensors", *words)


@pytest.mark.parametrize("to", ["triton"])
def test_fixed_convolutions_are_refused_by_name(refuse, tmp_path, to):
    random_model(3, job="classify", steps=12, convolutions=0.5).save(tmp_path / "m.safetensors")
    message = refuse(2, "export", "m.safetensors", "--to", to)
    assert f"--to {to}: " in message
    assert "use --to onnx" in message
    assert "--no-convolutions (it " in message
    assert "has fixed convolutions, which read whole series)" in message


@pytest.mark.parametrize("lengths", [[5], [0, 1], [-4, 1], [1], [1.5, 9]])
def test_lengths_are_checked(tmp_path, lengths):
    model = random_model(5, job="classify", missing="error")
    export_model(model, "python", tmp_path / "m.py")
    own = imported(tmp_path / "m.py")
    with pytest.raises(ValueError, match="lengths: expected 2 numbers from 1 to 4"):
        own.predict(np.ones((2, 4, model.n_features)), lengths)


def test_pixels_are_numbers_of_any_type(tmp_path):
    model = random_model(5, job="autoencode", pixels=True)
    export_model(model, "python", tmp_path / "m.py")
    own = imported(tmp_path / "m.py")
    X = np.random.default_rng(0).integers(0, 256, (3, model.n_features))
    expected = own.predict(X.astype(np.uint8))["code"]
    for given in (X, X.tolist(), X.astype(float)):
        np.testing.assert_array_equal(own.predict(given)["code"], expected)


def test_a_stream_takes_a_step_of_each_series(tmp_path):
    model = random_model(
        9, job="regress", missing="error", members=1, stem=False, bidirectional=False
    )
    export_model(model, "python", tmp_path / "m.py")
    stream = imported(tmp_path / "m.py").stream(2)
    with pytest.raises(ValueError, match="expected 2 rows of a step"):
        stream.step(np.ones((1, model.n_features)))


def test_gaps_are_filled_before_a_series_is_cut_into_windows(cli, tmp_path):
    random = np.random.default_rng(0)
    values = np.sin(np.arange(150) / 5) + random.normal(size=150) / 9
    lines = [f"{t},{v:.4f}" if t % 11 and t < 140 else f"{t}," for t, v in enumerate(values)]
    (tmp_path / "gaps.csv").write_text("time,x\n" + "\n".join(lines))
    words = ("--target", "x", "--horizon", 1, "--missing", "forward", "--window", 6)
    assert cli("regress", "gaps.csv", *words, "--max-steps", 20, *QUIET).code == 0
    assert cli("export", "last", "--to", "python", "--output", "m.py").code == 0
    expected = table_of(cli("predict", "last", "gaps.csv").out)
    done = run_file(tmp_path / "m.py", tmp_path / "gaps.csv")
    head, table = table_of(done.stdout)
    own = expected[1][:, [expected[0].index(name) for name in ("step", "x")]].astype(float)
    assert (table[:, head.index("step")].astype(float) == own[:, 0]).all()
    np.testing.assert_allclose(table[:, head.index("x")].astype(float), own[:, 1], atol=1e-5)


@pytest.mark.parametrize("to", TARGETS)
def test_inputs_that_float32_cannot_tell_apart_are_refused(to, tmp_path):
    model = random_model(3, job="regress", cell="lstm", missing="error", pixels=False)
    factor = np.full(model.n_features, 1e3)
    scaling = (np.full(len(factor), 1e6), factor)
    model = replace(model, transform=replace(model.transform, scaling=scaling))
    if target_named(to).wide_inputs:
        assert export_model(model, to, tmp_path / "m").difference < 1e-9
    else:
        with pytest.raises(OptionError, match=r"feature .* apart: .* use --to python or html"):
            export_model(model, to, tmp_path / "m")
        assert not list(tmp_path.iterdir())


def test_a_damaged_model_is_refused(refuse, tmp_path):
    random_model(5, job="classify").save(tmp_path / "m.safetensors")
    content = (tmp_path / "m.safetensors").read_bytes()
    (tmp_path / "m.safetensors").write_bytes(content[:-7])
    refuse(4, "export", "m.safetensors", "--to", "python")


def test_an_estimator_exports_itself(tmp_path):
    X = np.random.default_rng(0).normal(size=(20, 6, 2))
    estimator = RecurrentRegressor(hidden_size=4, max_steps=5, threads=1, random_state=0)
    estimator.fit(X, X.sum(axis=2))
    report = estimator.export("python", tmp_path / "m.py")
    assert report.difference <= report.limit
    np.testing.assert_allclose(
        imported(tmp_path / "m.py").predict(X)["y"], estimator.predict(X), atol=1e-5
    )
    with pytest.raises(OptionError, match="already exists; add force"):
        estimator.export("python", tmp_path / "m.py")


@pytest.mark.parametrize("weight", ["out.weight", "rnn.weight_ih_l0"])
@pytest.mark.parametrize("to", TARGETS)
def test_a_model_whose_predictions_overflow_is_refused(to, weight, tmp_path):
    wanted: dict[str, Any] = {"missing": "error", "stem": False, "members": 1, "cell": "lstm"}
    wanted |= {"linear": False, "pixels": False, "change": False, "bidirectional": False}
    net = random_model(3, job="regress", output="steps", scaling=False, layers=1, **wanted)
    signal = replace(net.net, n_features=1, n_outputs=1)
    params = signal.initial(0, "float32")
    params[weight] = np.full_like(params[weight], 3e38)
    model = replace(net, net=signal, params=params, transform=Transform())
    with pytest.raises(UntrustedFileError, match="train the model again, at a lower learning rate"):
        export_model(model, to, tmp_path / f"m_{to}")
    assert list(tmp_path.iterdir()) == []


def test_a_kind_that_no_target_has_is_refused_with_its_hint(monkeypatch):
    class Other:
        """A kind."""

    hint = ", or train a model with --no-others"
    monkeypatch.setitem(export.WORDS, Other, ("hold others", hint))
    words = "--to c: cannot hold others; train a model with --no-others"
    with pytest.raises(OptionError, match=f"^{words}$"):
        export._refuse_kinds(target_named("c"), [Other])


def test_every_target_has_a_module():
    for name in export.TARGETS:
        target = export.target_named(name)
        assert target.name == name


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (
            {"job": "classify", "convolutions": 0.5},
            "--to nam: cannot hold fixed convolutions; use --to c, html, onnx or python, or train "
            "a model with --no-convolutions",
        ),
        (
            {"job": "classify", "missing": "mask"},
            "--to nam: cannot hold Fill; use --to c, html, onnx, python or triton",
        ),
    ],
)
def test_a_target_without_a_kind_refuses_it_and_lists_those_that_have_it(
    wanted, message, tmp_path, monkeypatch
):
    target = replace(target_named("nam"), refusal=lambda program: None)
    monkeypatch.setattr(f"{TARGETS['nam']}.TARGET", target)
    with pytest.raises(OptionError) as caught:
        export_model(random_model(1, **wanted), "nam", tmp_path / "m")
    assert str(caught.value) == message
    assert list(tmp_path.iterdir()) == []
