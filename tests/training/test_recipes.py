"""The rules of the automatic recipe: what docs/recipes.md says, and never an invalid config."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiddenstate.config import job_options, make_config
from hiddenstate.config.option import AUTO_NUMBER
from hiddenstate.data import Rows, SequenceDataset
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.data.prepare.split import held_out
from hiddenstate.errors import DataError
from hiddenstate.jobs import make_job
from hiddenstate.kernels import level
from hiddenstate.runs import Run
from hiddenstate.training.recipes import seasons_of, suggest
from hiddenstate.training.resume import resume_run
from hiddenstate.training.start import plan, start
from tests.conftest import QUIET, needs_kernels
from tests.training.test_resume import StopAt, contents

MEMBERS, UPDATES, EASY = 5, 800, 160
"""Of nets that are preferred, and the updates of one that is enough."""

quick = settings(max_examples=200)


class Shape:
    """Something of a shape that holds nothing, so that counts may be large."""

    dtype = np.dtype(float)

    def __init__(self, *shape: int) -> None:
        self.shape, self.ndim = shape, len(shape)

    def __len__(self) -> int:
        return self.shape[0]


def data(
    *shape: int, y: Any = None, lengths: Any = None, test: bool = False, **names: Any
) -> SequenceDataset:
    X: Any = Shape(*shape)
    rows = Rows(X, y, lengths=lengths)
    return SequenceDataset("own", rows, rows if test else None, source="file", **names)


def classes(n: int, T: int = 50, test: bool = True, **given: Any) -> dict[str, Any]:
    return suggest("classify", data(n, T, 2, test=test), given)


def without_stem(n: int, T: int = 50, **facts: Any) -> dict[str, Any]:
    return classes(n, T, stem=False, **facts)


def signal(T: int, n: int = 1, test: bool = False, **given: Any) -> dict[str, Any]:
    y: Any = Shape(n, T, 1)
    names = {"columns": ("a", "b"), "targets": ("b",)}
    return suggest("regress", data(n, T, 2, y=y, test=test, **names), given)


# --- the rules


@pytest.mark.parametrize(
    ("n", "batch_size"),
    [(3, 8), (399, 8), (400, 16), (799, 16), (800, 32), (1599, 32), (1600, 64), (10**6, 64)],
)
def test_a_batch_is_the_largest_that_is_a_25th_of_the_rows(n: int, batch_size: int) -> None:
    assert without_stem(n)["batch_size"] == batch_size
    assert classes(n, convolutions=True)["batch_size"] == max(batch_size, 16)


@pytest.mark.parametrize(
    ("n", "T", "updates"),
    [
        (100, 50, 600),  # 20 N / batch is 250
        (390, 50, 975),
        (100, 129, 1200),
        (100, 128, 600),
        (1500, 50, 937),
        (10**6, 50, 4000),
    ],
)
def test_updates_are_20_n_over_the_batch_within_bounds(n: int, T: int, updates: int) -> None:
    found = without_stem(n, T)
    per_epoch = -(-n // found["batch_size"])
    made = found["epochs"] * per_epoch
    assert updates <= made < updates + per_epoch  # rounded up to whole epochs


def test_long_series_have_a_smaller_rate() -> None:
    assert without_stem(100, 128)["lr"] == 0.01
    assert without_stem(100, 129)["lr"] == 0.003
    given = {"stem": False}
    lengths = np.array([10] * 51 + [500] * 49)
    assert suggest("classify", data(100, 500, 1, lengths=lengths, test=True), given)["lr"] == 0.01
    assert suggest("classify", data(100, 784, test=True), given | {"steps": 28})["lr"] == 0.01


# Beside fixed convolutions that a user sets, which need the kernels, a net makes fewer updates.
@pytest.mark.parametrize(
    ("n", "T", "pool", "members", "updates"),
    [
        pytest.param(36, 251, 2, 5, 300, marks=needs_kernels),
        pytest.param(200, 427, 4, 5, 300, marks=needs_kernels),
        (1000, 9, 1, 5, 312),
        pytest.param(1001, 1460, 13, 3, 312, marks=needs_kernels),
        (1001, 1600, 15, 3, 500),  # too many numbers for fixed convolutions
        (6000, 100, 1, 3, 937),
        (10_001, 28, 1, 1, 1562),
        (10**6, 28, 1, 1, 4000),
    ],
)
def test_series_get_a_stem_and_members(n, T, pool, members, updates):
    given = {"convolutions": True} if n * T * 2 < 3_000_000 and n <= 2000 else {}
    found = classes(n, T, **given)
    assert (found["stem"], found["stem_pool"], found["members"]) == (True, pool, members)
    assert (found["layers"], found["lr"], found["label_smoothing"]) == (1, 0.003, 0.1)
    assert not {"prefer_nets", "augment", "teach"} & set(found)
    per_epoch = -(-n // found["batch_size"])
    assert updates <= found["epochs"] * per_epoch < updates + per_epoch
    assert "stem" not in classes(n, 8)
    assert classes(n, T, dropout=0.2, **given)["layers"] == 2  # dropout is between layers


@needs_kernels
@pytest.mark.parametrize(("n", "T", "pool"), [(36, 251, 5), (67, 24, 1), (2000, 100, 2)])
def test_where_the_recipe_chooses_convolutions_small_nets_are_preferred(n, T, pool):
    found = classes(n, T)
    assert found["convolutions"]
    assert found["prefer_nets"]
    assert found["augment"] == ("auto",)
    assert (found["stem_pool"], found["batch_size"]) == (pool, min(64, n))
    assert found["epochs"] * -(-n // found["batch_size"]) >= UPDATES
    assert found["fold_epochs"] == round(0.75 * found["epochs"])
    config = make_config("classify", found)
    assert config.model.members == MEMBERS
    assert found["teach"] == "convolutions"
    assert classes(n, T, valid_fraction=0.1)["fold_epochs"] == 0  # they choose the weights
    for own in ({"convolutions": True}, {"convolutions": False}, {"teach": "own.npy"}):
        assert not {"prefer_nets", "augment", "fold_epochs"} & set(classes(n, T, **own))


def test_convolutions_of_a_user_have_every_value_of_version_0_5() -> None:
    given = {"convolutions": True}
    assert suggest("classify", data(200, 427, 1, test=True), given) == {
        **{"scale": "auto", "test_fraction": 0.2, "eps": 1e-8, "hold": 0, "shuffle": True},
        **{"cell": "gru", "layers": 1, "bidirectional": True, "hidden_size": 64},
        **{"readout": "mean", "batch_size": 16, "lr": 0.003, "clip": 1.0, "lr_schedule": "cosine"},
        **{"stem": True, "stem_pool": 4, "members": 5, "label_smoothing": 0.1},
        **{"epochs": 24, "log_every": 15},
        **({"convolutions": True} if level() else {}),
    }


@needs_kernels
@pytest.mark.parametrize(
    ("n", "T", "fits"), [(40, 9, True), (40, 8, False), (2001, 30, False), (1500, 1001, False)]
)
def test_fixed_convolutions_stand_beside_nets_of_a_moderate_number_of_series(n, T, fits):
    assert classes(n, T).get("convolutions", False) == fits
    assert without_stem(n, T).get("convolutions", False) == fits
    assert "convolutions" not in classes(n, T, layout="features")


@needs_kernels
def test_data_that_convolutions_tell_apart_get_one_net() -> None:
    X, y = np.random.default_rng(0).normal(size=(60, 30, 2)), np.repeat(["a", "b"], 30)
    X[30:] += np.sin(np.arange(30))[:, None] * 3
    easy, hard = (
        SequenceDataset("own", Rows(X, labels), Rows(X, labels), source="file")
        for labels in (y, np.tile(["a", "b"], 30))
    )
    preferred, given = suggest("classify", easy, {}), {"convolutions": True}
    assert (preferred["members"], preferred["convolutions"]) == (MEMBERS, True)
    assert preferred["epochs"] == EASY  # of one batch: they may answer alone
    assert preferred["fold_epochs"] == 120
    few = suggest("classify", easy, given)
    assert few["members"] == 1
    assert 100 <= few["epochs"] * 4 < 104
    own: list[dict[str, Any]] = [{"members": 5}, {"epochs": 75}, {"convolutions": False}]
    for values in own:
        full = {"members": 5, **suggest("classify", easy, given | values), **values}
        assert (full["members"], full["epochs"]) == (5, 75)
    assert suggest("classify", hard, given)["members"] == 5
    assert suggest("classify", hard, {})["members"] == MEMBERS
    alone = Rows(X, np.full(60, "a"))  # is refused where the run starts
    assert suggest("classify", SequenceDataset("own", alone), {})["members"] == MEMBERS


def test_rows_that_will_be_held_out_are_not_counted() -> None:
    assert without_stem(400, test=True)["batch_size"] == 16
    assert without_stem(400, test=False)["batch_size"] == 8  # 320 are left
    assert without_stem(500, test=False)["batch_size"] == 16
    assert without_stem(500, test=False, test_fraction=0.5)["batch_size"] == 8


def test_short_rows_and_one_number_a_series_have_the_same_net() -> None:
    net = ("cell", "layers", "bidirectional", "hidden_size", "readout", "clip", "lr_schedule")
    one = suggest("regress", data(100, 20, 1, y=Shape(100, 1), test=True), {})
    assert [one[n] for n in net] == [classes(100, 8)[n] for n in net]
    assert [one[n] for n in net] == ["gru", 2, True, 64, "mean", 1.0, "cosine"]
    assert (one["output"], one["stateful"], one["lr"]) == ("last", False, 0.003)
    assert one["epochs"] * 13 >= 200 > (one["epochs"] - 1) * 13


@pytest.mark.parametrize(
    ("T", "window", "stride", "updates"),
    [
        *((20, 4, 1, 300), (100, 20, 1, 300), (620, 32, 1, 300), (700, 32, 1, 1000)),
        (200_000, 32, 32, 1000),
    ],
)
def test_a_signal_is_cut_into_a_quarter_or_32_steps(T, window, stride, updates):
    found = signal(T)
    assert (found["window"], found["stride"]) == (window, stride)
    per_epoch = -(-((round(T * 0.8) - window) // stride) // 16)
    assert updates <= found["epochs"] * per_epoch < updates + per_epoch
    assert found["stateful"] is False


def test_a_forecast_of_rows_on_disk_learns_the_change_where_it_can() -> None:
    assert "change" not in signal(300)
    assert signal(300, horizon=1)["change"] is True
    unnamed = data(1, 300, 1, y=Shape(1, 300, 1))
    assert "change" not in suggest("regress", unnamed, {"horizon": 1})


def test_a_forecast_has_a_linear_path_and_a_window_of_four_seasons() -> None:
    t = np.arange(400.0)
    values = (np.sin(t * np.pi / 6) + t / 100)[None, :, None]
    columns: Any = {"columns": ("v",), "targets": ("v",)}
    dataset = SequenceDataset("s", Rows(values, values), **columns)
    found = suggest("regress", dataset, {"horizon": 1})
    assert (found["linear"], found["output"], found["window"]) == (True, "last", 52)
    assert "change" not in found
    assert suggest("regress", dataset, {"horizon": 1, "window": 9})["window"] == 9
    for own in ({"change": True}, {"linear": False}):
        assert suggest("regress", dataset, {"horizon": 1, **own})["change"] is True
    short = SequenceDataset("s", Rows(values[:, :60], values[:, :60]), **columns)
    assert suggest("regress", short, {"horizon": 1})["window"] == 16
    assert suggest("regress", short, {"horizon": 1, "valid_fraction": 0.3})["window"] == 12


def test_series_that_are_held_out_choose_no_season() -> None:
    random, t = np.random.default_rng(0), np.arange(120)
    X = 10 + random.normal(size=(10, 120, 1))
    options = {"horizon": 2, "split": "random", "test_fraction": 0.2, "seed": 3}
    held = held_out(Rows(X), 0.2, "random", 3, "split", "own")
    X[held, :, 0] += 8 * np.sin(t * 2 * np.pi / 9)
    dataset = SequenceDataset("own", Rows(X, X), columns=("y",), targets=("y",))
    found = seasons_of(dataset, options)
    assert found is not None
    assert found.steps == ()
    found = seasons_of(dataset, {**options, "split": "time"})
    assert found is not None
    assert found.steps == (9,)


def test_many_short_series_have_windows_of_half_of_their_steps() -> None:
    X = np.arange(15 * 20.0).reshape(15, 20, 1)
    for n, window in ((9, 5), (15, 8)):
        dataset = SequenceDataset("s", Rows(X[:n], X[:n]), columns=("a",), targets=("a",))
        found = suggest("regress", dataset, {"horizon": 1, "split": "time"})
        assert found["window"] == window


@pytest.mark.parametrize(
    ("steps", "options", "window", "streams", "washout", "epochs"),
    [
        (300, {}, 30, 2, 15, AUTO_NUMBER),  # 240 of training
        (50, {}, 16, None, 8, AUTO_NUMBER),
        (100_000, {}, 200, 8, 64, AUTO_NUMBER),
        (300, {"window": 10, "epochs": 3}, 10, 6, 5, 3),
        (300, {"output": "last", "max_steps": 9}, 30, 2, 0, 10),
    ],
)
def test_a_carried_state_has_streams_of_its_windows(
    steps: int, options: Any, window: int, streams: int | None, washout: int, epochs: float
) -> None:
    found = signal(steps, stateful=True, **options)
    assert (found["batch_size"], found["shuffle"]) == (1, False)
    assert (found["window"], found["streams"], found["washout"]) == (window, streams, washout)
    assert found["epochs"] == epochs


def test_several_series_are_the_streams_of_a_carried_state() -> None:
    assert signal(300, n=4, stateful=True)["streams"] is None


@pytest.mark.parametrize(
    ("n", "F", "sizes", "code", "batch_size"),
    [
        (40, 10, (64, 32), 3, 8),
        (999, 3, (64, 32), 2, 64),
        (1000, 256, (128, 64), 3, 64),
        (1000, 257, (256, 64), 3, 64),
        (300, 1, (64, 32), 1, 37),
    ],
)
def test_an_autoencoder_is_as_wide_as_its_rows_allow(n, F, sizes, code, batch_size):
    found = suggest("autoencode", data(n, F, test=True), {})
    assert found["encoder_sizes"] == sizes
    assert (found["code_size"], found["batch_size"]) == (code, batch_size)
    assert found["epochs"] * -(-n // batch_size) >= 2000
    wide = suggest("autoencode", data(n, F, test=True), {"code_size": 50})
    assert min(wide["encoder_sizes"]) >= 50


# --- whatever the data is, what it makes is valid

GIVEN = st.fixed_dictionaries(
    {},
    optional={
        "batch_size": st.integers(1, 300),
        "test_fraction": st.sampled_from([0.0, 0.01, 0.5, 0.99]),
        "valid_fraction": st.sampled_from([0.1, 0.5]),
        "epochs": st.integers(1, 9),
        "lr": st.floats(1e-6, 1),
        "clip": st.none() | st.floats(0.1, 9),
        "scale": st.sampled_from(["none", "minmax"]),
        "seed": st.integers(0, 9),
    },
)


@given(
    st.sampled_from(["classify", "last", "steps", "autoencode"]),
    st.integers(1, 10**7),
    st.integers(1, 10**6),
    st.integers(1, 10**4),
    st.booleans(),
    st.booleans(),
    GIVEN,
)
@settings(quick, max_examples=100)
def test_no_counts_make_an_invalid_config_and_what_is_given_stays(
    kind: str, N: int, T: int, features: int, test: bool, forecast: bool, given: dict[str, Any]
) -> None:
    job = {"last": "regress", "steps": "regress"}.get(kind, kind)
    y: Any = {"last": Shape(N, 1), "steps": Shape(N, T, 1)}.get(kind)
    given = given | ({"horizon": 1} if forecast and kind == "steps" else {})
    found = suggest(job, data(N, T, features, y=y, test=test), given)
    assert set(found) <= {known.name for _, known in job_options(job)}
    config = make_config(job, {**found, **given})
    assert all(config.flat()[name] == value for name, value in given.items())


@given(st.integers(1, 12), st.integers(1, 70), st.booleans(), st.data())
@settings(quick, max_examples=40)
def test_small_data_of_any_shape_can_be_trained_on_or_says_why_not(N, T, whole, data):
    X = np.random.default_rng(0).normal(size=(N, T, 1))
    lengths = (
        None if whole else np.array(data.draw(st.lists(st.integers(1, T), min_size=N, max_size=N)))
    )
    names: Any = {"columns": ("a",), "targets": ("a",)}
    own = SequenceDataset("own", Rows(X, X.copy(), lengths=lengths), source="file", **names)
    given = {"horizon": 1}
    config = make_config("regress", {**suggest("regress", own, given), **given})
    try:
        job = make_job(config, prepare(own, config))
    except DataError as error:
        assert "; use " in str(error)  # noqa: PT017
        return
    assert job.total_steps >= (300 if whole else 1)
    assert len(job.dataset.X_test)


# --- a run by the recipe


def signal_file(folder: Path) -> str:
    t = np.arange(60)
    np.savetxt(folder / "own.csv", np.sin(t / 3), header="v", comments="")
    return "own.csv"


def table_file(folder: Path) -> str:
    random = np.random.default_rng(0)
    labels = np.arange(40) % 2
    rows = np.column_stack([labels, random.normal(labels[:, None], 1, (40, 5))])
    np.savetxt(folder / "own.csv", rows, delimiter=",", header="label,a,b,c,d,e", comments="")
    return "own.csv"


SMALL = ("--max-steps", 30, "--hidden-size", 4, *QUIET)
COMMANDS = {
    "classify": (table_file, ("--label", "label", *SMALL)),
    "regress": (signal_file, ("--target", "v", "--horizon", 1, *SMALL)),
    "autoencode": (table_file, ("--max-steps", 30, *QUIET)),
}


@pytest.mark.parametrize("job", COMMANDS)
def test_a_run_records_every_value_and_repeats_from_its_config_bit_for_bit(job, cli, tmp_path):
    write, options = COMMANDS[job]
    done = cli(job, write(tmp_path), *options)
    assert done.code == 0, done.err
    one = Run(tmp_path / "runs" / f"{job}-1")
    record = json.loads((one.path / "config.json").read_text())["config"]
    told = {name for section in record.values() if isinstance(section, dict) for name in section}
    assert told == {known.name for _, known in job_options(job) if not known.omitted}
    assert one.config.training.recipe == "auto"
    assert one.config.training.lr_schedule == "cosine"
    done = cli(job, "--config", one.path / "config.json", "--view", "off")
    assert done.code == 0, done.err
    two = Run(tmp_path / "runs" / f"{job}-2")
    assert two.config == one.config
    for name in ("history.jsonl", "model.safetensors"):
        assert (one.path / name).read_bytes() == (two.path / name).read_bytes()


def series_file(folder: Path) -> str:
    """Thirty labelled series of twelve values."""
    random = np.random.default_rng(0)
    rows = np.cumsum(random.normal(size=(30, 12)), axis=1)
    rows = np.column_stack([np.arange(30) % 2, rows])
    names = ",".join(["label", *(f"v{step}" for step in range(12))])
    np.savetxt(folder / "own.csv", rows, delimiter=",", header=names, comments="")
    return "own.csv"


TINY = {"hidden_size": 4, "max_steps": 25, "threads": 1, "valid_fraction": 0.3}
RESUMED: dict[str, Any] = {
    "regress": (signal_file, {"target": ("v",), "horizon": 1}),
    "classify": (series_file, {"label": "label", "layout": "wide", "stem_channels": (4, 6, 4)}),
}


@pytest.mark.parametrize("job", RESUMED)
def test_a_run_by_the_recipe_resumes_exactly(job: str, tmp_path: Path) -> None:
    write, options = RESUMED[job]
    values = {"data": str(tmp_path / write(tmp_path))} | options | TINY
    ends = []
    for stop_at in (None, 1, 20):
        config, dataset = plan(job, values)
        stop = None if stop_at is None else StopAt(stop_at)
        with start(config, tmp_path / str(stop_at), dataset=dataset) as session:
            done = session.train([stop] if stop else [], stop or (lambda: False))
        path = session.writer.path
        if stop_at is not None:
            assert done is None
            with resume_run(Run(path), {}) as session:
                assert stop_at <= session.step < 25
                session.train()
        ends.append(contents(path))
    assert ends[0] == ends[1] == ends[2]
    if job == "classify":
        assert Run(path).config.model.members == MEMBERS


def test_lines_suit_the_epochs_that_were_given() -> None:
    assert classes(400, epochs=2, convolutions=True)["log_every"] == 2  # 50 updates
    assert classes(400, epochs=20, convolutions=True)["log_every"] == 25


def test_what_is_given_goes_before_the_recipe_and_classic_is_the_scripts(cli, tmp_path):
    own = ("classify", table_file(tmp_path), "--label", "label", "--max-steps", 2, *QUIET)
    cli(*own, "--cell", "rnn", "--lr", "0.5", "--no-shuffle")
    cli(*own, "--recipe", "classic")
    given, classic = (Run(tmp_path / "runs" / f"classify-{n}").config for n in (1, 2))
    assert (given.model.cell, given.training.lr, given.training.shuffle) == ("rnn", 0.5, False)
    assert given.model.layers == 2
    expected = make_config("classify").flat()
    own_values = {n for n, v in classic.flat().items() if v != expected[n]}
    assert own_values == {"data", "label", "layout", "max_steps", "threads"}  # layout is decided
