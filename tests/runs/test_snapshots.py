"""Snapshot files that do not fit are refused by name; all others can be drawn."""

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from hiddenstate.config import JOBS, make_config
from hiddenstate.errors import UntrustedFileError
from hiddenstate.report.html import page
from hiddenstate.runs import Run
from hiddenstate.system.array_file import read_arrays, write_arrays
from hiddenstate.training.start import start
from hiddenstate.training.verify import check_files
from hiddenstate.views.catalog import drawings
from hiddenstate.views.offscreen import Painter
from hiddenstate.views.timeline import Timeline
from tests.conftest import write_digits

pytestmark = pytest.mark.usefixtures("coarse")

KINDS = {"shown": "shown", "closing": "closing"}


SHORT = {"epochs": 1, "log_every": 4, "threads": 1}


def train(folder: Path, job: str, **values) -> Run:
    """Train a short run of `job` in `folder`."""
    with start(make_config(job, SHORT | values), folder) as session:
        session.train()
    return Run(session.writer.path)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A finished run of each job."""
    folder = tmp_path_factory.mktemp("runs")
    digits = {"data": str(write_digits(folder / "digits")), "batch_size": 30}
    return {
        "classify": train(folder, "classify", **digits, hidden_size=5, n_evaluated=20),
        "regress": train(folder, "regress", windows=8, hidden_size=5),
        "autoencode": train(folder, "autoencode", **digits, encoder_sizes=(8, 3)),
    }


@pytest.fixture(params=JOBS)
def run(request, runs, tmp_path):
    """A copy of the run of each job, to be damaged."""
    return Run(Path(shutil.copytree(runs[request.param].path, tmp_path / request.param)))


@pytest.fixture
def classify(runs, tmp_path):
    return Run(Path(shutil.copytree(runs["classify"].path, tmp_path / "classify")))


def files(run: Run) -> list[Path]:
    """Return the files of static and final arrays, and the last snapshot."""
    folder = run.path / "snapshots"
    named = [folder / "shown.safetensors", folder / "closing.safetensors"]
    return [*(path for path in named if read(path)[0]), run.snapshot_paths()[-1]]


def read(path: Path):
    return read_arrays(path, KINDS.get(path.stem, "snapshot"))


def rewrite(path: Path, change) -> None:
    """Change the arrays and facts of a file, with a new checksum."""
    arrays, facts = read(path)
    change(arrays, facts)
    write_arrays(path, KINDS.get(path.stem, "snapshot"), arrays, facts)


def wrong(run: Run) -> dict[str, str]:
    """Return what is wrong with each file of the folder."""
    return {name: what for name, what in check_files(Run(run.path)) if what}


def draw(run: Run, film: bool = True) -> None:
    """Draw every figure and, with `film`, a moment of the film and the page, all small."""
    timeline = Timeline(run)
    for name, make in drawings(timeline, timeline.moment()).items():
        figure = make(None)
        figure.set_dpi(20)
        FigureCanvasAgg(figure).draw()
        assert figure.axes, name
    if not film:
        return
    Painter(timeline, (200, 140)).paint(timeline.moment(timeline.steps[0]))
    assert page.page(run).startswith("<!doctype html>")


FACTS = [
    ("picture", ["a", "b"], r"picture is \['a', 'b'\], expected a height and a width, or null"),
    ("picture", [8], "expected a height and a width"),
    ("picture", [8, 8.0], "expected a height and a width"),
    ("picture", [8, 8, 4], "expected a height and a width"),
    ("picture", [8, 8, 3], "expected as many numbers as a row, "),
    ("picture", [8, 7], "picture is 8 x 7, expected as many numbers as a row, 8 x 8"),
    ("picture", [10**9, 10**9], "expected as many numbers as a row, 8 x 8"),
    ("picture", "8 x 8", "picture has the wrong type"),
    ("classes", 3, "classes has the wrong type"),
    ("classes", None, "classes is None, expected different labels"),
    ("classes", [], "expected different labels"),
    ("classes", [[1], [2]], "expected different labels"),
    ("classes", ["a", "a", "b"], "expected different labels"),
    ("classes", ["a", "b"], r"\w+_label is from 0 to 2, expected from 0 to 1"),
    ("job", "regress", "job is 'regress', expected classify"),
    ("appended", True, "appended is True, expected false"),
    ("appended", 0, "appended has the wrong type"),
    ("shown_split", "both", "shown_split is 'both', expected test or train"),
    ("channels", ["a"], "channels has length 1, expected 8"),
    ("channels", [1], "channels is .1., expected the name of each feature"),
    ("row_shape", [8, 8], "row_shape is .8, 8., expected steps and features"),
    ("channel_ranges", [[0.0, 1.0]], "channel_ranges has length 1, expected 8"),
    ("channel_ranges", [[1.0, 0.0]] * 8, "expected a lower and an upper end of each feature"),
    ("time_step", -1, "time_step is -1, expected more than 0"),
    ("time_unit", 1, "time_unit has the wrong type"),
    ("more", 1, "and nothing else"),
]


@pytest.mark.parametrize(("name", "value", "message"), FACTS)
def test_facts_that_do_not_fit_are_refused_by_name(name, value, message, classify):
    path = classify.path / "snapshots" / "shown.safetensors"
    rewrite(path, lambda arrays, facts: facts.update({name: value}))
    with pytest.raises(UntrustedFileError, match=f"shown.safetensors: .*{message}"):
        Run(classify.path).static_arrays  # noqa: B018
    assert wrong(classify).keys() >= {"snapshots/shown.safetensors"}


MISFITS = {
    "flat": lambda a: a.ravel() if a.ndim > 1 else a[None],
    "deep": lambda a: a[None],
    "of bytes": lambda a: np.zeros(a.shape, np.uint8 if a.dtype.kind == "i" else int),
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_each_array_of_another_type_or_shape_is_refused_by_name(misfit, run):
    for path in files(run):
        kept = path.read_bytes()
        for name, array in read(path)[0].items():
            if misfit == "of bytes" and name.endswith("time"):  # both kinds are read
                continue
            misfitting = MISFITS[misfit](array)
            rewrite(path, lambda arrays, facts, n=name, a=misfitting: arrays.update({n: a}))
            what = wrong(run)[f"snapshots/{path.name}"]
            assert "expected" in what
            assert path.name in what
            path.write_bytes(kept)
    assert wrong(run) == {}


def test_an_unknown_array_is_refused_by_name(run):
    for path in files(run):
        rewrite(path, lambda arrays, facts: arrays.update(odd=np.zeros(3)))
    assert {name for name, what in wrong(run).items() if "odd is unknown" in what} == {
        f"snapshots/{path.name}" for path in files(run)
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda a, f: a.update(probability=a["probability"][:4]),
            r"probability is float32 \(4, 3\), expected floats \(10, 3\)",
        ),
        (
            lambda a, f: a.update(hidden=a["hidden"][:, :3], decision=a["decision"][:, :3]),
            r"hidden is float32 \(4, 3, 5\), expected floats \(V, 8, H\)",
        ),
        (lambda a, f: f.update(step=7), "step is 7, expected that of its name"),
        (lambda a, f: f.update(step=True), "step has the wrong type"),
    ],
)
def test_a_snapshot_that_does_not_fit_is_refused_by_name(change, message, classify):
    path = classify.snapshot_paths()[-1]
    rewrite(path, change)
    assert wrong(classify).keys() == {f"snapshots/{path.name}"}
    with pytest.raises(UntrustedFileError, match=f"{path.name}: .*{message}"):
        Run(classify.path).snapshot(path)
    (problem,) = Run(classify.path).damaged_snapshots()
    assert path.name in problem


def test_commands_refuse_a_run_whose_static_arrays_do_not_fit(classify, cli):
    path = classify.path / "snapshots" / "shown.safetensors"
    rewrite(path, lambda arrays, facts: facts.update(picture=["a", "b"]))
    for command in ("figures", "film"):
        done = cli(command, classify.path)
        assert done.code == 4, done
        assert "picture is ['a', 'b'], expected a height and a width" in done.err
    assert cli("report", classify.path).code == 0
    assert "expected a height and a width" in (classify.path / "report.html").read_text()


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("shown", lambda run, path: Run(run.path).static_arrays),
        ("000000001", lambda run, path: run.snapshot(path)),
        ("closing", lambda run, path: run.final_arrays()),
    ],
)
def test_what_does_not_fit_is_refused_before_memory_is_allocated(name, read, classify, monkeypatch):
    assert classify.static_arrays  # the other files are compared with these
    path = classify.path / "snapshots" / f"{name}.safetensors"
    rewrite(path, lambda arrays, facts: arrays.update(odd=np.zeros(100)))
    monkeypatch.setattr("numpy.frombuffer", None)
    with pytest.raises(UntrustedFileError, match="odd is unknown"):
        read(classify, path)


@pytest.mark.parametrize(
    ("name", "value"),
    [("shown_label", 3), ("shown_label", -1), ("read", 0), ("read", 9), ("read", 5)],
)
def test_numbers_out_of_range_are_refused(name, value, classify):
    def change(arrays, facts):
        arrays[name][1] = value

    rewrite(classify.path / "snapshots" / "shown.safetensors", change)
    with pytest.raises(UntrustedFileError, match=f"{name} .*expected"):
        Run(classify.path).static_arrays  # noqa: B018


def test_windows_of_another_length_are_skipped(runs, tmp_path):
    run = Run(Path(shutil.copytree(runs["regress"].path, tmp_path / "regress")))
    path = run.snapshot_paths()[-1]

    def shorten(arrays, facts):
        arrays |= {n: arrays[n][:, :4] for n in ("time", "target", "prediction")}

    rewrite(path, shorten)
    problem = dict(check_files(Run(run.path)))[f"snapshots/{path.name}"]
    assert "expected floats (K, 10, 1)" in str(problem)
    assert Timeline(Run(run.path)).moment().arrays["time"].shape[1] == 10


DAMAGES = {
    "nan": lambda a: np.full_like(a, np.nan),
    "inf": lambda a: np.full_like(a, np.inf),
    "greatest": lambda a: np.full_like(a, np.finfo(a.dtype).max),
    "below 0": lambda a: np.full_like(a, -1),
    "some": lambda a: np.where(np.arange(a.size).reshape(a.shape) % 2, np.inf, a).astype(a.dtype),
}


def mutate(run: Run, chance: random.Random) -> str:
    """Change one array or fact of a run, with a new checksum; return which."""
    path = chance.choice(files(run))
    arrays, facts = read(path)
    name = chance.choice([n for n, a in arrays.items() if a.dtype.kind == "f"] or sorted(arrays))
    if arrays[name].dtype.kind == "f" and chance.random() < 0.7:
        damage = chance.choice(sorted(DAMAGES))
        arrays[name] = DAMAGES[damage](arrays[name])
    elif path.stem == "shown" and chance.random() < 0.5:
        name = chance.choice(sorted(facts))
        damage = str(
            facts.update({name: chance.choice([None, True, -1, "", [], {}, ["a"], [1, 2]])})
        )
    else:
        name, damage = chance.choice(sorted(arrays)), chance.choice(["none", "gone", "half"])
        array = arrays.pop(name)
        arrays |= (
            {} if damage == "gone" else {name: array[: len(array) // 2 if damage == "half" else 0]}
        )
    write_arrays(path, KINDS.get(path.stem, "snapshot"), arrays, facts)
    return f"{path.name}: {name} {damage}"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_whatever_a_file_with_a_right_checksum_holds_is_drawn_or_refused(run, monkeypatch):
    monkeypatch.setattr(page, "draw_pictures", lambda timeline: {})
    chance = random.Random(0)
    what = mutate(run, chance)
    try:
        draw(Run(run.path))
    except UntrustedFileError:
        assert "shown.safetensors" in str(wrong(run)), what


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("job", "array", "damage"),
    [
        ("autoencode", "code", "nan"),
        ("autoencode", "code", "greatest"),
        ("classify", "decision", "some"),
        ("regress", "hidden", "nan"),
    ],
)
def test_states_and_codes_that_are_not_finite_are_not_drawn(
    job, array, damage, runs, tmp_path, monkeypatch
):
    monkeypatch.setattr(page, "draw_pictures", lambda timeline: {})
    run = Run(Path(shutil.copytree(runs[job].path, tmp_path / "run")))

    def damage_array(arrays, facts):
        for name in {array, "code_rebuilt"} & set(arrays):
            arrays[name] = DAMAGES[damage](arrays[name].astype(np.float32))

    for path in files(run)[1:]:
        rewrite(path, damage_array)
    assert wrong(run) == {}
    draw(Run(run.path), film=damage == "some")


@pytest.mark.parametrize(
    ("job", "values"),
    [
        ("classify", {"n_predicted": 0}),
        ("classify", {"steps": 16, "n_evaluated": 0}),
        ("classify", {"dtype": "float64", "bidirectional": True, "layers": 2}),
        ("autoencode", {"n_scattered": 0, "encoder_sizes": (8, 1)}),
        ("autoencode", {"n_reconstructed": 0, "dtype": "float64"}),
        ("autoencode", {"scale": "standard", "missing": "mask"}),
        ("regress", {}),
        ("regress", {"stateful": False, "output": "last", "hidden_size": 70}),
        ("regress", {"output": "last", "window": 3}),
        ("regress", {"horizon": 2, "change": True, "stateful": False}),
    ],
)
def test_what_every_job_writes_fits(job, values, tmp_path):
    if job == "regress":
        path = tmp_path / "signal.csv"
        rows = [f"{k},{np.sin(k / 9):.4f},{np.cos(k / 9):.4f}\n" for k in range(90)]
        path.write_text("t,a,b\n" + "".join(rows))
        data = {"data": str(path), "target": ("b",)}
    elif "missing" in values:
        path = tmp_path / "table.csv"
        rows = ["" if k % 3 else "0.5" for k in range(60)]
        path.write_text("a,b\n" + "".join(f"{row},{k}\n" for k, row in enumerate(rows)))
        data = {"data": str(path)}
    else:
        data = {"data": str(write_digits(tmp_path / "digits"))}
    run = train(tmp_path, job, **{**data, **values, "max_steps": 6})
    assert wrong(run) == {}
    assert Timeline(run).steps
