"""What the strikes on a search check: each broken guarantee is a finding."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.stress.postgres import PASSWORD
from tools.stress.processes import Outcome
from tools.stress.tune import NAME, Field, Trials, check_runs, check_trials, train_twin

from hiddenstate.runs import Run

Rows = list[list[str]]


class Tables:
    """Answers as the database of a search does, with one row for each attempt."""

    def __init__(self, *attempts: tuple[int, str, dict[str, Any]]) -> None:
        self.attempts = attempts

    def query(self, sql: str, database: str) -> Rows:
        numbered = list(enumerate(self.attempts, 1))
        if "FROM trial_values" in sql:
            return [[str(key), "0.5"] for key, _ in numbered]
        if "FROM trial_user_attributes" in sql:
            return [
                [str(key), name, json.dumps(value)]
                for key, (_, _, facts) in numbered
                for name, value in facts.items()
            ]
        return [[str(key), str(number), state] for key, (number, state, _) in numbered]


def found(*attempts: tuple[int, str, dict[str, Any]]) -> Trials:
    return Trials(Tables(*attempts), Outcome())  # type: ignore[arg-type]  # answers alike


def test_trials_finished_twice_never_or_unasked_are_findings(tmp_path: Path) -> None:
    field = Field(tmp_path, (), 3, {})
    sound, outcome = [(slot, "COMPLETE", {"slot": slot}) for slot in range(3)], Outcome()
    check_trials(found(*sound), field, outcome)
    assert outcome.findings == []
    check_trials(
        found(
            sound[0],
            (1, "PRUNED", {"slot": 0}),
            (2, "RUNNING", {"slot": 2}),
            sound[1],
            (4, "COMPLETE", {"slot": 7}),
            (5, "FAIL", {"slot": 1}),
        ),
        field,
        outcome,
    )
    text = "\n".join(outcome.findings)
    assert "never finished: [2]" in text
    assert "trial 0 was finished 2 times" in text
    assert "trial 7 was not asked for" in text
    assert "left over" in text
    assert "'FAIL'" in text


def test_a_run_unlike_its_twin_and_a_password_in_a_file_are_findings(
    tmp_path: Path, trained: Callable[[str], Path]
) -> None:
    field = Field(tmp_path, (), 1, {})
    name = field.study / "trial-0000"
    field.study.mkdir(parents=True)
    train_twin(Run(trained("classify")), name)
    trials = found((0, "COMPLETE", {"slot": 0, "runs": [name.name]}))
    outcome = Outcome()
    check_runs(trials, field, tmp_path / "twins", outcome)
    assert outcome.findings == []
    data = bytearray((name / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (name / "model.safetensors").write_bytes(data)
    (tmp_path / "runs" / NAME / "note").write_text(f"-{PASSWORD}-")
    check_runs(trials, field, tmp_path / "more", outcome)
    text = "\n".join(outcome.findings)
    assert "not identical: ['model.safetensors']" in text
    assert "damaged" in text or "checksum" in text
    assert "note: has the password" in text
