"""What people read of a run with targets of unlike units: a line for each, nothing over both."""

from typing import Any

import numpy as np
import pytest

from hiddenstate.engines import make_predictor
from hiddenstate.inference.evaluate import evaluate_run
from hiddenstate.report import model_card, results
from hiddenstate.report.facts import RunFacts
from hiddenstate.runs import Run
from hiddenstate.studio.details import details
from hiddenstate.studio.index import RunIndex
from hiddenstate.views.held_out import held_out
from hiddenstate.views.timeline import Timeline
from tests.report_html import train

TARGETS = ("molar_mass (g/mol)", "leak_mol_s")


@pytest.fixture(scope="module")
def polymer(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two targets of the sizes 1e6 and 1e-6, at each minute."""
    folder, random = tmp_path_factory.mktemp("polymer"), np.random.default_rng(0)
    feed = random.normal(size=120)
    lines = [
        f"{minute},{x:.4f},{1e6 + 1e5 * x:.1f},{2e-6 + 1e-7 * x + 1e-7 * random.normal():.6e}"
        for minute, x in enumerate(feed)
    ]
    head = "minute,feed," + ",".join(TARGETS)
    (folder / "polymer.csv").write_text("\n".join([head, *lines]) + "\n")
    options: dict[str, Any] = {
        **{"data": str(folder / "polymer.csv"), "time": "minute", "target": TARGETS, "window": 8},
        **{"stateful": False, "split": "time", "hidden_size": 4, "max_steps": 10},
        **{"scale": "standard", "output": "last"},
    }
    return train("regress", options, folder)


def test_each_target_has_a_line_and_nothing_is_over_both(polymer: Run) -> None:
    found = polymer.results()
    assert found is not None
    assert found["target_1_mae"] > 1e4
    assert found["target_2_mae"] < 1e-5
    facts = RunFacts(polymer)
    top = results.headline(facts)
    shown = [(top.value, top.name), *top.more]
    assert [value.split()[-1] for value, _ in shown] == ["g/mol", "mol/s"]
    assert [name.split(";")[0] for _, name in shown] == [
        "mean absolute error of molar_mass",
        "mean absolute error of leak_mol_s",
    ]
    tables = results.tables(facts)
    assert [row.name for row in tables["By target"]] == ["target_1", "target_2"]
    pooled = f"{found['test_mse']:.4g}"
    assert pooled not in model_card.card_text(polymer)
    assert pooled not in str(details(polymer, "1")["results"])
    assert [each["unit"] for each in details(polymer, "1")["targets"]] == ["g/mol", "mol/s"]
    (row,), _ = RunIndex(polymer.path.parent).rows()
    first, second = (text.split(" ") for text in row.score_text.split("; "))  # nor within a value
    assert (first[0], second[0]) == ("molar_mass", "leak_mol_s")
    assert [len(first), first[1][-5:], len(second), second[1][-5:]] == [2, "g/mol", 2, "mol/s"]
    assert [each["method"] for each in row.targets] == ["the training mean"] * 2


def test_pictures_and_evaluations_are_in_the_units_of_each_target(polymer: Run) -> None:
    timeline = Timeline(polymer)
    shown = held_out(timeline, timeline.moment())
    assert shown is not None
    assert [lane.unit for lane in shown.lanes] == ["g/mol", "mol/s"]
    assert [each.name for each in shown.residuals] == list(TARGETS)
    assert not any(each.scaled for each in shown.residuals)
    assert shown.clock == "minute"
    model = polymer.model()
    scores: Any = evaluate_run(model, make_predictor(model, "cpu", 1), polymer)
    assert [each["target"] for each in scores["targets"]] == ["molar_mass", "leak_mol_s"]
    recorded = polymer.results() or {}
    for k, each in enumerate(scores["targets"], 1):
        assert each["mae"] == pytest.approx(recorded[f"target_{k}_mae"], rel=1e-4)
