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


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Quantiles without a median of the sales, in EUR, and the weight, in kg, of two shops."""
    folder, random = tmp_path_factory.mktemp("shops"), np.random.default_rng(0)
    week = 1 + 0.5 * np.sin(2 * np.pi * np.arange(90) / 7)
    lines = [
        f"{np.datetime64('2024-01-01') + np.timedelta64(day, 'D')},{shop},"
        f"{10**shop * week[day] * noise:.3f},"
        f"{week[day] / 100 + 1e-4 * random.normal():.6f}"
        for shop in (2, 5)
        for day, noise in enumerate(1 + 0.1 * random.normal(size=90))
    ]
    (folder / "shops.csv").write_text("\n".join(["date,shop,sales_eur,weight (kg)", *lines]))
    options: dict[str, Any] = {
        **{"data": str(folder / "shops.csv"), "time": "date", "id": "shop", "horizon": 7},
        **{"target": ("sales_eur", "weight (kg)"), "loss": "quantile", "quantile": (0.1, 0.9)},
        **{"hidden_size": 4, "epochs": 1, "scale": "auto", "window": 16, "season": (7,)},
    }
    return train("regress", options, folder)


def test_quantiles_without_a_median_have_a_loss_for_each_target(shops: Run) -> None:
    found, facts = shops.results() or {}, RunFacts(shops)
    assert found["target_1_pinball"] > 100 > 1 > found["target_2_pinball"]
    # A week ago with the quantiles of the changes since; over a share of 0.1 of the sales' noise.
    assert found["target_1_seasonal_pinball"] < found["target_1_last_pinball"] * 1.0001
    assert found["target_1_seasonal_pinball"] < 0.05 * 10**5
    top = results.headline(facts)
    shown = [(top.value, top.name), *top.more]
    assert [value.split()[-1] for value, _ in shown] == ["EUR", "kg"]
    assert all("medians of 2 series; the quantiles of changes since" in name for _, name in shown)
    assert f"{found['test_pinball']:,.0f}" not in model_card.card_text(shops)
    assert f"{found['baseline_pinball']:,.0f}" not in top.comparison
    (row,), _ = RunIndex(shops.path.parent).rows()
    assert [text.split("\N{NO-BREAK SPACE}")[-1] for text in row.score_text.split("; ")] == [
        "EUR",
        "kg",
    ]
    targets = details(shops, "1")["targets"]
    assert [each["when"] for each in targets] == [(1, "week")] * 2
    assert all(each["is_loss"] and each["words"].count("quantile loss") for each in targets)
    model = shops.model()
    scores: Any = evaluate_run(model, make_predictor(model, "cpu", 1), shops)
    for k, each in enumerate(scores["targets"], 1):
        assert each["pinball"] == pytest.approx(found[f"target_{k}_pinball"], rel=1e-4)
        assert each["baseline_pinball"] == pytest.approx(
            min(found[f"target_{k}_{name}_pinball"] for name in ("last", "seasonal")), rel=1e-4
        )
