"""Teachers that are fitted on the training rows of the run itself."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.data import Rows, SequenceDataset
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.engines import Engine, Task, TrainingState, make_engine
from hiddenstate.engines.members import MembersEngine
from hiddenstate.errors import MachineError, OptionError, UntrustedFileError
from hiddenstate.jobs import taught_job
from hiddenstate.jobs.lines import job_notices
from hiddenstate.jobs.memory import bytes_needed, check_memory
from hiddenstate.jobs.taught import labels_read
from hiddenstate.models.companions.convolutions import ConvolutionPath
from hiddenstate.training.teacher_file import arrays_of, taught_from
from tests.conftest import needs_kernels

N, STEPS, ROWS = 30, 12, 90
y = np.arange(N) % 3
X = np.random.default_rng(0).normal(0, 1, (N, STEPS, 1))
X[np.arange(N), 2 + 3 * y] += 3


@pytest.fixture(autouse=True)
def few_rows(monkeypatch):
    monkeypatch.setattr("hiddenstate.jobs.taught.AUGMENTED_ROWS", ROWS)


def job_of(x=X, **options):
    values = {
        **{"teach": "convolutions", "test_fraction": 0.0, "hidden_size": 3, "batch_size": 8},
        **{"epochs": 9},
    }
    config = make_config("classify", {**values, **options})
    raw = SequenceDataset("X", Rows(x, y))
    return taught_job(config, raw, prepare(raw, config))


@needs_kernels
def test_members_learn_what_their_own_teacher_answers_for_the_rows_that_they_read():
    augment = {"augment": ("blend", "jitter"), "members": 2, "convolutions": True}
    job = job_of(**augment)
    tasks = list[Task]()

    def make(task: Task, state: TrainingState) -> Engine:
        tasks.append(task)
        return make_engine(task, state)

    MembersEngine(job.task(), TrainingState(job.net.initial(0, "float32")), make)
    train, draws = job.dataset.train, job.taught.answers.shape[1]
    assert job.taught.answers.shape == (2, ROWS // 2 // N, N, 3)
    fits = ConvolutionPath.fits(train, 3, [job.folds == number for number in range(2)], 0, 1)
    for number, task in enumerate(tasks):
        rows, epochs = np.array([3, 0, 7]), np.array([draws + 1, 0, 2 * draws])
        read = task.inputs(rows, epochs)
        logits = fits[number].companion.logits(read, None, 1)
        p = np.exp(logits / 2) / np.exp(logits / 2).sum(axis=1, keepdims=True)
        y = task.targets(rows, epochs)
        p[(logits.argmax(axis=1) != task.y[rows]) & (y >= 0)] = 0
        np.testing.assert_allclose(task.answers(rows, epochs, y), p, atol=1e-6)
        assert p.any()


@needs_kernels
def test_a_teacher_answers_no_more_than_is_read_or_affordable(monkeypatch):
    shape = job_of(augment=("jitter",), epochs=2).taught.answers.shape
    assert shape == (1, 2, N, 3)
    assert job_of(augment=("jitter",), members=2).taught.answers.shape == (2, 1, N, 3)
    monkeypatch.setattr("hiddenstate.jobs.taught.AUGMENTED_ROWS", 10 * ROWS)
    monkeypatch.setattr("hiddenstate.jobs.taught.AUGMENTED_NUMBERS", 4 * N * STEPS)
    assert job_of(augment=("jitter",), members=2).taught.answers.shape == (2, 2, N, 3)
    monkeypatch.setattr("hiddenstate.jobs.taught.AUGMENTED_NUMBERS", 1)
    assert job_of(augment=("jitter",)).taught.answers.shape == (1, 1, N, 3)


@needs_kernels
def test_a_fold_teaches_nothing_to_the_member_that_leaves_it_out():
    """The answers for other rows stay the same when the labels of the fold change."""
    job = job_of(members=2, convolutions=True)
    for number in range(2):
        own = job.folds == number
        changed = replace(job.dataset.train, y=np.where(own, (y + 1) % 3, y))
        one, two = (
            ConvolutionPath.fits(rows, 3, [own], 0, 1)[0] for rows in (job.dataset.train, changed)
        )
        np.testing.assert_array_equal(one.held_out, two.held_out)
        np.testing.assert_array_equal(job.taught.answers[number, 0], np.float32(one.held_out))
        all_rows = ConvolutionPath.fit(changed, 3, 0, 1).held_out
        assert not np.array_equal(one.held_out, all_rows)


@needs_kernels
def test_without_folds_all_rows_teach_and_are_answered_as_left_out():
    job = job_of(members=2)
    left_out = ConvolutionPath.fit(job.dataset.train, 3, 0, 1).held_out
    np.testing.assert_array_equal(job.taught.answers, left_out.astype(np.float32)[None, None])
    right = int((left_out.argmax(axis=1) == y).sum())
    assert any(f"right on {right} of 30 training rows" in each.text for each in job_notices(job))


@needs_kernels
def test_nets_that_turn_know_what_the_teacher_answers_rows_that_it_left_out():
    job = job_of(members=2, convolutions=True, fold_epochs=2, augment=("jitter",))
    left_out = ConvolutionPath.fit(job.dataset.train, 3, 0, 1).held_out.astype(np.float32)
    kept = taught_from(arrays_of(job.taught), "here")
    np.testing.assert_array_equal(kept.rival, left_out)
    np.testing.assert_array_equal(job.task().rival, left_out)
    assert job_of(members=2, convolutions=True).task().rival is None
    with pytest.raises(UntrustedFileError, match=r"here: damaged: expected answers of \(30, 3\)"):
        taught_from({**arrays_of(job.taught), "rival": left_out[:4]}, "here")


@needs_kernels
def test_the_memory_of_soft_answers_is_counted(monkeypatch):
    plain, taught = bytes_needed(job_of(teach=None)), bytes_needed(job_of(augment=("jitter",)))
    assert taught - plain == 3 * 4 * ROWS * 3  # float32 probabilities of three classes
    monkeypatch.setattr("hiddenstate.jobs.memory.SOFT_COPIES", 2**60)
    with pytest.raises(MachineError, match=r"training needs about.*or --teach none"):
        check_memory(job_of())


@needs_kernels
def test_rows_of_weight_0_teach_nothing():
    weights = np.where(np.arange(N) % 5 == 0, 0.0, 1.0)
    job = job_of(augment=("jitter",))
    answers: list[Any] = []
    for anything in (0.0, np.nan):
        x = np.where(weights[:, None, None] > 0, job.dataset.train.X, np.float32(anything))
        dataset = replace(job.dataset, train=replace(job.dataset.train, X=x, weights=weights))
        raw = SequenceDataset("X", dataset.train)
        answers.append(taught_job(job.config, raw, dataset).taught.answers)
    np.testing.assert_array_equal(answers[0], answers[1])
    assert (answers[0][:, :, weights == 0] == 0).all()


def test_blends_need_a_teacher():
    with pytest.raises(OptionError, match="which only a teacher labels; add --teach"):
        make_config("classify", {"augment": ("blend",)})
    config = make_config("autoencode", {"augment": ("blend",), "test_fraction": 0.0})
    raw = SequenceDataset("X", Rows(X[:, :, 0]))
    with pytest.raises(OptionError, match="adds rows of other classes, which only classify has"):
        taught_job(config, raw, prepare(raw, config))


@needs_kernels
def test_a_line_has_the_rows_that_the_teacher_labels_right_and_its_blends():
    job = job_of(augment=("blend:0.4",), convolutions=True, members=2)
    labels = labels_read(job.task())
    draws = labels.shape[1]
    assert (labels == -2).sum() == sum(draws * (job.folds == number).sum() for number in range(2))
    n, blends = (labels >= 0).sum(), (labels == -1).sum()
    text = job_notices(job)[0].text
    assert f"of {n} augmented rows" in text
    assert f"as are those of {blends} blends of two classes" in text


def test_what_convolutions_do_not_teach_is_refused(monkeypatch):
    with pytest.raises(OptionError, match="convolutions teach only classify"):
        make_config("regress", {"teach": "convolutions"})
    with pytest.raises(OptionError, match="leaves them out, or add --no-convolutions"):
        make_config("classify", {"teach": "a/run", "convolutions": True})
    forecast = {"horizon": 2, "stateful": False, "output": "last"}
    with pytest.raises(OptionError, match="no augmented windows of forecasts"):
        make_config("regress", {"teach": "a/run", "augment": ("jitter",), **forecast})
    monkeypatch.setenv("HIDDENSTATE_LEVEL", "off")
    with pytest.raises(OptionError, match="--teach convolutions: computed by the native kernels"):
        job_of()


@needs_kernels
def test_rows_that_do_not_suit_convolutions_are_refused(monkeypatch):
    with pytest.raises(OptionError, match="read series of 9 steps or more, not of 8"):
        job_of(x=X[:, :8])
    monkeypatch.setattr(ConvolutionPath, "most_rows", N - 1)
    with pytest.raises(OptionError, match="at most 29 training rows, not 30"):
        job_of()
    monkeypatch.undo()
    monkeypatch.setattr(ConvolutionPath, "bytes_needed", lambda n_rows: 2**60)
    with pytest.raises(MachineError, match="--teach convolutions"):
        job_of()
