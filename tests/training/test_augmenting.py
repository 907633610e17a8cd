"""What `--augment auto` chooses, and what is refused, before anything is trained."""

from dataclasses import replace

import numpy as np
import pytest

from hiddenstate import RecurrentClassifier
from hiddenstate.config import make_config
from hiddenstate.data import PreparedDataset, Rows
from hiddenstate.data.prepare.augment_choice import Choice, choice_from
from hiddenstate.data.prepare.augment_suited import kinds_of_data, usual_kinds
from hiddenstate.errors import OptionError
from hiddenstate.jobs import again as trainings
from hiddenstate.report.facts import RunFacts
from hiddenstate.runs import Run
from hiddenstate.runs.run_data import run_dataset
from hiddenstate.training import augmenting
from hiddenstate.training.augment_look import Look, look_at
from hiddenstate.training.start import plan, start
from tests.conftest import needs_kernels


def tones(n=40, T=120):
    """Two classes of tones, 9 and 10 cycles: what stretches time changes the class."""
    random, y = np.random.default_rng(0), np.arange(n) % 2
    phase = random.uniform(0, 2 * np.pi, (n, 1))
    X = np.sin(2 * np.pi * np.linspace(0, 1, T) * (9 + y[:, None]) + phase)
    return X + 0.05 * random.normal(size=X.shape), y


def dataset_of(X, y, **facts):
    classes = None if y is None or y.ndim > 1 else sorted(set(y.tolist()))
    return PreparedDataset("rows", Rows(X, y), classes=classes, **facts)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(trainings, "FEW_UPDATES", 5)


@needs_kernels
def test_kinds_that_change_the_class_are_left_out():
    X, y = tones()
    config = make_config("classify", {"augment": "auto", "hidden_size": 4, "batch_size": 8})
    chosen, dataset = augmenting.with_augmentation(config, dataset_of(X[..., None], y))
    choice = dataset.augment
    assert choice.agreement["warp"] < 0.8
    assert {"mix", "shift", "jitter"} <= {n for n, part in choice.agreement.items() if part > 0.8}
    assert not {"warp", "rotate"} & set(choice.kept)
    assert chosen.training.augment == tuple(choice.kept)
    assert "warp" in dataset.remarks[-1].partition("left out")[2]
    again = augmenting.with_augmentation(config, dataset_of(X[..., None], y))
    assert again[0] == chosen
    assert again[1].augment == choice


@needs_kernels
@pytest.mark.parametrize(
    ("worse", "kept"),
    [
        ((), ["mix", "warp", "crop", "shift", "scale", "jitter"]),
        (("warp",), ["mix", "shift", "scale", "jitter"]),
        (("warp", "mix"), []),
    ],
)
def test_kinds_are_kept_from_which_a_model_learns_as_well(monkeypatch, worse, kept):
    random, y = np.random.default_rng(0), np.arange(20) % 2
    X = np.sin(np.linspace(0, 9 * (1 + y), 60)).T[..., None] + 0.1 * random.normal(size=(20, 60, 1))

    class Learned(Look):
        def fit(self, strengths=None):
            return super().fit(), set(strengths or ())

        def judge(self, fit):
            return super().judge(fit[0])

        def losses(self, fit):
            return np.arange(20) / 100 + bool(fit[1] & set(worse))

    monkeypatch.setattr(augmenting, "look_at", lambda *a: Learned(**vars(look_at(*a))))
    config = make_config("classify", {"augment": "auto"})
    chosen, dataset = augmenting.with_augmentation(config, dataset_of(X, y))
    assert list(dataset.augment.kept) == kept
    assert chosen.training.augment == tuple(kept)
    assert dataset.augment.n_rows == 20
    assert ("rows are not augmented" in dataset.remarks[-1]) == (not kept)


@pytest.mark.parametrize(("right", "kept"), [(2, []), (3, ["mix", "warp", "crop"])])
def test_rows_stay_as_they_are_if_most_kinds_change_the_class(monkeypatch, right, kept):
    X, y = tones(20)
    labels = iter([*[y] * right, *[1 - y] * (6 - right)])
    monkeypatch.setattr(Look, "fit", lambda *a: None)
    monkeypatch.setattr(Look, "judge", lambda *a: lambda X: next(labels))
    config = make_config("classify", {"augment": "auto"})
    choice = augmenting.with_augmentation(config, dataset_of(X[..., None], y))[1].augment
    assert list(choice.agreement.values()) == [1.0] * right + [0.0] * (6 - right)
    assert list(choice.kept) == kept


@needs_kernels
def test_a_row_and_its_copies_are_left_out_together():
    X, y = tones(30, 60)
    X = np.random.default_rng(1).normal(size=X.shape)  # nothing to learn but the row itself
    look = look_at(make_config("classify", {"augment": "auto"}), dataset_of(X[..., None], y))
    assert look.losses(look.fit({"jitter": 0.01})).mean() > 0.5


@pytest.mark.parametrize(
    ("loss", "least", "good"),
    [(0.5, 0.0, False), (0.5, 0.5, True), (0.1, 0.0, True), (0.101, 0.0, True), (0.0, 0.0, True)],
)
def test_clearly_larger_losses_are_worse(loss, least, good):
    noise = np.tile([-0.01, 0.01], 25)
    assert augmenting._is_good(np.full(50, 0.1), loss + noise, least) == good


@needs_kernels
def test_targets_are_predicted_by_two_nets(quick):
    X, _ = tones(30, 16)
    data = dataset_of(X[..., None], X[:, :1])
    config = make_config(
        "regress", {"augment": "auto", "stateful": False, "output": "last", "hidden_size": 4}
    )
    choice = augmenting.with_augmentation(config, data)[1].augment
    assert choice.n_rows == 6
    assert choice.agreement == {}
    assert choice.plain_loss != choice.augmented_loss


def test_a_run_holds_what_was_chosen(tmp_path):
    X, y = tones(20, 30)
    lines = [",".join([*map("{:.3f}".format, row), f"c{c}"]) for row, c in zip(X, y, strict=True)]
    head = ",".join([*(f"t{i}" for i in range(30)), "label"])
    (tmp_path / "rows.csv").write_text("\n".join([head, *lines]))
    values = {"data": str(tmp_path / "rows.csv"), "augment": "auto", "threads": 1}
    values |= {"members": 1, "convolutions": False, "stem": False, "max_steps": 4}
    config, dataset = plan("classify", values)
    with start(config, tmp_path / "runs", dataset=dataset) as session:
        session.train()
        path = session.writer.path
    run = Run(path)
    choice = run_dataset(run).augment
    assert choice is not None
    assert choice == choice_from(run.data_record())
    assert tuple(choice.kept) == tuple(v.partition(":")[0] for v in run.config.training.augment)
    assert ("augmentation", choice.in_words()) in RunFacts(run).data()
    assert ("augmented" in run.static_arrays[0]) == bool(choice.kept)


def test_a_damaged_choice_is_none():
    choice = Choice({"mix": 0.5, "warp": 0.1}, {"crop": 0.5}, 10, 0.5, 0.4)
    assert choice_from({"augment": choice.facts()}) == choice
    for damage in ({"kept": ["blur"]}, {"agreement": [1]}, {"rows": "10"}, {"plain_loss": "x"}):
        assert choice_from({"augment": {**choice.facts(), **damage}}) is None
    assert choice_from({}) is None


SERIES, ROWS = np.zeros((9, 12, 2)), np.zeros((9, 1, 4))
LABELS, TARGETS = np.arange(9) % 3, np.zeros((9, 1))


@pytest.mark.parametrize(
    ("job", "X", "y", "kind", "message", "values"),
    [
        ("classify", SERIES, LABELS, "rotate", "applies to pictures", {}),
        ("classify", ROWS, LABELS, "warp", "rows of rows have 1 step", {}),
        ("classify", SERIES, LABELS, "auto", "single run", {}),
        ("regress", SERIES, TARGETS, "mix", "which only classify has", {"stateful": False}),
        ("regress", SERIES, SERIES, "crop", "away from their targets", {"stateful": False}),
        ("autoencode", ROWS[:, 0], None, "shift", "autoencode reads flat rows", {}),
    ],
)
def test_kinds_that_do_not_suit_are_refused(job, X, y, kind, message, values):
    config = make_config(job, {"augment": kind, **values})
    with pytest.raises(OptionError, match=message) as error:
        kinds_of_data(config, dataset_of(X, y))
    assert error.value.place == "--augment"


def test_kinds_that_suit_are_those_that_are_not_refused():
    config = make_config("regress", {"stateful": False})
    data = dataset_of(SERIES, TARGETS)
    assert list(usual_kinds(config, data)) == ["warp", "crop", "shift", "scale", "jitter"]
    pictures = replace(dataset_of(np.zeros((9, 784)), None), picture=(28, 28))
    kinds = usual_kinds(make_config("autoencode"), pictures)
    assert list(kinds) == ["warp", "crop", "shift", "rotate", "scale", "jitter"]
    marked = replace(pictures, transform=replace(pictures.transform, missing="mask"))
    assert set(usual_kinds(make_config("autoencode"), marked)) == {"jitter"}  # marks would not turn


def test_a_carried_state_is_refused():
    with pytest.raises(OptionError, match="--augment: rows follow one another"):
        make_config("regress", {"augment": "jitter"})


def test_an_estimator_augments_rows():
    X, y = tones(20, 16)
    fitted = [
        RecurrentClassifier(hidden_size=4, epochs=2, random_state=0, augment=augment).fit(X, y)
        for augment in ("none", "jitter,shift", ("jitter", "shift"))
    ]
    plain, one, two = (model.predict_proba(X) for model in fitted)
    np.testing.assert_array_equal(one, two)
    assert (plain != one).any()
    assert [model.augment_["kept"] for model in fitted] == [[], *[["shift", "jitter"]] * 2]
    with pytest.raises(OptionError, match="augment: rows are augmented"):
        fitted[1].partial_fit(X, y)
