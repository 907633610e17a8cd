"""Signatures, docstrings and the page of the commands follow from the declarations of options."""

import dataclasses

import pytest
from tools import signatures

from hiddenstate import config
from hiddenstate.config.config import section_options
from hiddenstate.config.fields import TrainingConfig
from hiddenstate.estimators.files import ESTIMATORS


@pytest.mark.parametrize("path", [path for path, _ in signatures.files()], ids=lambda p: p.name)
def test_a_file_is_what_the_options_say(path):
    made = dict(signatures.files())[path]
    assert path.read_text("utf-8") == made, "run python -m tools.signatures"


def test_a_new_option_is_a_row_and_a_parameter(monkeypatch):
    lr = section_options(TrainingConfig)["lr"]
    new = dataclasses.replace(lr, name="warmth", help="Warm --no-stateful nets.", jobs=("regress",))
    declared = config.job_options

    def job_options(job):
        for section, option in declared(job):
            yield section, option
            if option is lr and job == "regress":
                yield section, new

    monkeypatch.setattr(signatures, "job_options", job_options)
    changed = {p.name: text for p, text in signatures.files() if p.read_text("utf-8") != text}
    assert sorted(changed) == ["cli.md", "regressor.py"]
    row = "| `--warmth` |  | 0.02 |  | Warm --no-stateful nets (above 0) |\n| `--momentum` |"
    assert row in changed["cli.md"]
    parameter = (
        "warmth : float in (0, inf), default=0.02\n        Warm stateful=False nets.\n    mom"
    )
    assert parameter in changed["regressor.py"]
    assert "        warmth: float = 0.02,\n        momentum:" in changed["regressor.py"]


def test_an_estimator_with_the_parameters_of_another_stays_as_it_is(monkeypatch):
    monkeypatch.setitem(ESTIMATORS, "classify", type("Other", (object,), {}))
    source = "class Other(RecurrentClassifier):\n    def fit(self):\n        pass\n"
    assert signatures.signature("classify", source) == source
