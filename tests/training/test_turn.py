"""Runs whose nets learn from all rows in the end: resumed, damaged, and refused options."""

import json

import pytest

from hiddenstate.config import make_config
from hiddenstate.data import Rows, SequenceDataset
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.errors import OptionError, UntrustedFileError
from hiddenstate.jobs import make_job, taught_job
from hiddenstate.jobs.lines import job_notices
from hiddenstate.models.companions.convolutions import ConvolutionPath
from hiddenstate.runs import Run
from hiddenstate.training.checkpoints import unpack
from hiddenstate.training.resume import resume_run
from hiddenstate.training.start import plan, start
from tests.conftest import needs_kernels
from tests.models.test_convolutions import shapes
from tests.training.test_resume import StopAt, contents

pytestmark = needs_kernels

OPTIONS = {"cell": "gru", "hidden_size": 4, "members": 2, "batch_size": 16, "epochs": 5}
OPTIONS |= {"convolutions": True, "fold_epochs": 3, "lr_schedule": "cosine", "log_every": 1}
TURN, STEPS = 6, 10


def data():
    train, test = (Rows(*shapes(32, 24, 1, seed)) for seed in (0, 1))
    return SequenceDataset("X", train, test)


def config_of(**more):
    return make_config("classify", OPTIONS | more)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    with start(config_of(), tmp_path_factory.mktemp("whole"), dataset=data()) as session:
        assert session.train()["net_updates"] == STEPS
        return Run(session.writer.path)


def stopped(folder, step):
    with start(config_of(), folder, dataset=data()) as session:
        assert session.train([stop := StopAt(step)], stop) is None
        return Run(session.writer.path)


@pytest.mark.parametrize(("epochs", "is_there"), [(3, True), (4, False)])
def test_fold_epochs_that_never_end_are_warned_of(epochs, is_there, tmp_path):
    with start(config_of(epochs=epochs), tmp_path, dataset=data()) as session:
        texts = [each.text for each in job_notices(session.job)]
    assert any(each.startswith("--fold-epochs: ") for each in texts) is is_there


@pytest.mark.parametrize("step", [TURN - 1, TURN, TURN + 1])
def test_a_resumed_run_has_the_same_bytes(whole, step, tmp_path):
    run = stopped(tmp_path, step)
    with resume_run(run, {}, dataset=prepare(data(), config_of())) as session:
        assert session.step == step
        session.train()
    assert contents(run.path) == contents(whole.path)


def test_shares_come_from_rows_that_were_left_out(whole, tmp_path):
    """They are those of a run of the same nets that ends at the turn."""
    with start(config_of(epochs=3, fold_epochs=0), tmp_path, dataset=data()) as session:
        before = session.train()
    after = whole.results()
    assert before["net_share"] == after["net_share"]
    (one,), (two,) = Run(session.writer.path).model().companions, whole.model().companions
    assert one.net_scale == two.net_scale
    assert before["train_loss"] != after["train_loss"]


def test_more_epochs_go_on_with_all_rows(tmp_path):
    run = stopped(tmp_path, TURN + 2)
    dataset = prepare(data(), config_of())
    with resume_run(run, {"epochs": "+1"}, dataset=dataset) as session:
        assert session.job.turn == TURN
        assert session.train()["net_updates"] == STEPS + 2


def test_a_checkpoint_without_the_answers_is_refused(whole):
    job = make_job(config_of(), prepare(data(), config_of()))
    arrays, facts = whole.checkpoint()
    assert unpack(arrays, facts, job, "here")[0].left_out.shape == (32, 2)
    del arrays["left_out/outputs"]
    with pytest.raises(UntrustedFileError, match="here: outputs is missing, expected float32"):
        unpack(arrays, facts, job, "here")


def test_the_rate_of_each_line_is_that_of_its_part(whole):
    lines = [json.loads(line) for line in (whole.path / "history.jsonl").read_text().splitlines()]
    rates = [line["lr"] for line in lines if line["event"] == "log"]
    assert len(rates) == STEPS
    assert rates[TURN - 1] < rates[TURN] == rates[0]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"convolutions": False}, "without --convolutions no net leaves out a fold"),
        ({"valid_fraction": 0.2}, "use --fold-epochs 0, or --valid-fraction 0"),
    ],
)
def test_options_that_do_not_fit_are_refused(more, reason):
    with pytest.raises(OptionError, match=f"--fold-epochs: .*{reason}"):
        config_of(**more)


def test_the_recipe_augmentation_and_the_model_fit_the_same_convolutions_once(
    monkeypatch, tmp_path
):
    fitted, fits = [], ConvolutionPath.fits

    def counted(rows, *more):
        fitted.append(len(rows))
        return fits(rows, *more)

    monkeypatch.setattr(ConvolutionPath, "fits", counted)
    X, y = shapes(48, 24, 1, seed=5)
    dataset = SequenceDataset("X", Rows(X, y), Rows(X, y), source="file")
    values = {"recipe": "auto", "data": "X", "max_steps": 1, "threads": 1, "seed": 5}
    config, dataset = plan("classify", values, read=lambda config: dataset)
    with start(config, tmp_path, dataset=dataset) as session:
        session.train()
    assert fitted.count(48) == 1
    assert len(fitted) > 1  # with augmented copies


def test_the_line_of_a_teacher_tells_from_when_on_it_is_learned_from():
    config = config_of(teach="convolutions")
    job = taught_job(config, data(), prepare(data(), config))
    assert job.taught.answers.shape == (1, 1, 32, 2)  # of all rows, the same for each net
    told = next(each.text for each in job_notices(job) if "the teacher is right" in each.text)
    assert told.endswith(
        "are learned after 6 updates, with the fold that a net leaves out before, unless the nets "
        "are clearly better by then"
    )
