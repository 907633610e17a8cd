"""What an answer on the page of a run rests on: the server's answers, and the page that asks."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.errors import DataError
from hiddenstate.runs import Run
from hiddenstate.studio import why
from hiddenstate.studio.why import explained
from tests.conftest import Cli, needs_kernels
from tests.studio.conftest import Browser, Client

pytestmark = needs_kernels


def numbers(packed: dict[str, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    values = np.frombuffer(base64.b64decode(packed["base64"]), packed["dtype"])
    return values.reshape(packed["shape"]).astype(np.float64)


def test_a_row_that_is_shown_is_explained(client: Client, run: Run) -> None:
    reply = client.post("/api/runs/classify-1/why", {"row": 1, "steps": 8})
    assert reply.status == 200
    found = json.loads(reply.body)
    attributions = numbers(found["attributions"])
    assert attributions.shape == (8, 8)
    assert attributions.sum() == pytest.approx(found["value"] - found["base"], abs=1e-3)
    np.testing.assert_array_equal(numbers(found["values"]), run.static_arrays[0]["shown"][1])
    assert (found["baseline"], found["odds"], found["feature"]) == ("zero", True, None)
    assert explained(run, {"row": 1, "steps": 8})["baseline"] == "mean"
    early = explained(run, {"row": 1, "steps": 3, "answer": 2})
    assert (early["number"], early["attributions"]["shape"]) == (2, [3, 8])


def test_a_sound_is_explained_by_spans_of_time(odd_run: Callable[[str], Run]) -> None:
    assert explained(odd_run("sounds"), {"row": 0, "steps": 4})["feature"] is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"row": 10**6, "steps": 8}, 422),
        ({"row": 0, "steps": 99}, 422),
        ({"row": 0, "steps": 8, "answer": 99}, 422),
        ({"row": "0", "steps": 8}, 422),
        ({"row": 0}, 422),
        ({"row": 0, "steps": 8, "other": 1}, 422),
    ],
)
def test_what_is_not_there_is_refused(client: Client, body: dict[str, Any], status: int) -> None:
    assert client.post("/api/runs/classify-1/why", body).status == status


def test_data_that_is_not_read_leaves_zeros_to_compare_with(run: Run) -> None:
    assert explained(run, {"row": 0, "steps": 8}, "too large")["baseline"] == "zero"


def test_long_answers_are_left_to_the_command(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(why, "MOST_PRODUCTS", 1e3)
    with pytest.raises(DataError, match="predict --why"):
        explained(run, {"row": 0, "steps": 8})


def run_on_delay(cli: Cli, tmp_path: Path, *more: object) -> Run:
    """Train on a target that is an input three steps before."""
    random = np.random.default_rng(0)
    heat, noise = random.normal(size=(2, 260))
    load = np.concatenate([np.zeros(3), heat[:-3]])
    lines = [f"{a:.5f},{b:.5f},{c:.5f}" for a, b, c in zip(load, heat, noise, strict=True)]
    (tmp_path / "load.csv").write_text("\n".join(["load,heat,noise", *lines]))
    words: tuple[object, ...] = ("--target", "load", "--window", 6, "--hidden-size", 8)
    words += () if "--horizon" in more else ("--input", "heat,noise")
    quiet = ("--epochs", 25, "--lr", 0.02, "--view", "off", "--threads", 1)
    answer = cli("regress", "load.csv", *words, *quiet, *more)
    assert answer.code == 0, answer.err
    return Run(tmp_path / "runs" / "regress-1")


@pytest.fixture
def delayed(cli: Cli, tmp_path: Path) -> Run:
    return run_on_delay(cli, tmp_path, "--output", "last", "--no-stateful")


def test_a_state_that_is_carried_goes_before_what_is_explained(cli: Cli, tmp_path: Path) -> None:
    run = run_on_delay(cli, tmp_path, "--stateful")
    arrays = run.final_arrays()
    for place in (1, 30, int(arrays["held_count"][0]) - 1):
        found = explained(run, {"row": 0, "steps": place + 1})
        assert found["value"] == pytest.approx(float(arrays["held_prediction"][0, place]), rel=1e-3)
        assert found["carried"]
        assert (
            found["first"] + found["attributions"]["shape"][0] == arrays["held_time"][0, place] + 1
        )
        attributions = numbers(found["attributions"])
        difference = found["value"] - found["base"]
        assert attributions.sum() == pytest.approx(difference, abs=1e-3)
        if place > 1:
            size = np.abs(attributions)
            step, feature = divmod(int(size.argmax()), 2)
            assert (abs(step - (len(size) - 4)) <= 1, feature) == (True, 0)


def test_a_held_out_step_is_explained_by_the_input_it_follows(delayed: Run) -> None:
    arrays = delayed.final_arrays()
    for place in (0, 20, int(arrays["held_count"][0]) - 1):
        found = explained(delayed, {"row": 0, "steps": place + 1})
        assert found["value"] == pytest.approx(float(arrays["held_prediction"][0, place]), rel=1e-3)
        size = np.abs(numbers(found["attributions"]))
        assert size.shape == (6, 2)
        assert divmod(int(size.argmax()), 2) == (2, 0)
        assert found["names"] == ["heat", "noise"]
    with pytest.raises(DataError, match="too large"):
        explained(delayed, {"row": 0, "steps": 1}, "too large")
    with pytest.raises(DataError, match="no such row"):
        explained(delayed, {"row": 3, "steps": 1})


def test_the_page_lights_what_was_read(
    run_of: Callable[[str], Run], open_page: Callable[..., Browser]
) -> None:
    run_of("classify")
    browser = open_page("#/run/classify-1", locale="en")
    page = browser.page
    page.wait_for_selector(".reading .note:not(:empty)")
    page.click(".reading .tools button")
    page.wait_for_selector(".why .keys .target")
    note = page.inner_text(".why .note")
    assert "of what speaks" in note
    assert "; by integrated gradients." in note
    with page.expect_response("**/why") as asked:
        page.select_option(".why select", "2")
    assert json.loads(asked.value.request.post_data)["answer"] == 2
    with page.expect_response("**/why") as asked:
        page.focus(".why input")
        page.keyboard.press("ArrowLeft")
    assert json.loads(asked.value.request.post_data)["steps"] == 7
    browser.settle()
    page.click(".why .ask button")
    assert not page.is_visible(".why")


def test_a_click_on_a_prediction_lights_its_input(
    delayed: Run, open_page: Callable[..., Browser]
) -> None:
    browser = open_page("#/run/regress-1", locale="zh")
    page = browser.page
    page.locator(".series canvas").first.wait_for()
    page.wait_for_selector(".tools button:visible")
    page.locator("figure.series", has=page.locator(".tools button")).locator("canvas").click()
    page.wait_for_selector("figure.why .keys .target")
    assert "积分梯度" in page.inner_text("figure.why .note")


def test_each_step_of_a_forecast_is_explained_and_its_steps_are_those_of_other_plots(
    cli: Cli, tmp_path: Path, open_page: Callable[..., Browser]
) -> None:
    from hiddenstate.studio.forecasts import forecast

    run = run_on_delay(cli, tmp_path, "--horizon", 2)
    (series,) = json.loads(forecast(run))["forecast"]["fans"]["series"]
    for steps in (1, 2):
        found = explained(run, {"row": 0, "steps": steps, "ahead": 1, "answer": 0})
        assert found["value"] == pytest.approx(series["ahead"]["y"][0][steps - 1], rel=1e-3)
        total = numbers(found["attributions"]).sum()
        assert total == pytest.approx(found["value"] - found["base"], abs=1e-3)
        assert found["first"] + found["attributions"]["shape"][0] == 260
    for wrong in ({"row": 1, "steps": 1}, {"row": 0, "steps": 3}):
        with pytest.raises(DataError, match="no such row"):
            explained(run, {**wrong, "ahead": 1})

    page = open_page("#/run/regress-1", locale="en").page
    page.keyboard.press("Tab")
    page.wait_for_selector(".fan")
    page.focus(".series canvas >> nth=-1")
    page.keyboard.press("End")
    page.wait_for_selector("#spoken:has-text('observed')", state="attached")
    assert page.inner_text("#spoken").count(", 259: ") == 1
    assert page.inner_text(".fan-tools ~ output").startswith("load, 259: ")
    page.focus("canvas.fan")
    page.keyboard.press("Home")
    first = series["times"][0]
    page.wait_for_selector(f".series .note:text-matches('^{first}: target')")


def test_a_row_of_fields_is_explained_by_its_columns(
    cli: Cli, tmp_path: Path, open_page: Callable[..., Browser]
) -> None:
    """In words of its own, and with a bar under each field."""
    lines = ["area_m2,district,price_eur"]
    lines += [f"{50 + i % 90},{('port', 'hills')[i % 2]},{1000 * (50 + i % 90)}" for i in range(80)]
    (tmp_path / "houses.csv").write_text("\n".join(lines))
    words: tuple[object, ...] = (
        "houses.csv",
        "--target",
        "price_eur",
        "--input",
        "all",
        "--max-steps",
        8,
    )
    words += ("--layout", "features")
    assert cli("regress", *words, "--view", "off", "--threads", 1).code == 0
    run = Run(tmp_path / "runs" / "regress-1")
    found = explained(run, {"row": 0, "steps": 1, "values": [120, 1, 0], "answer": 0})
    area, district = found["columns"]
    assert (area["name"], area["value"]) == ("area_m2", "120")
    assert (district["name"], district["value"]) == ("district", "hills")
    total = area["added"] + district["added"]
    assert total == pytest.approx(found["value"] - found["base"], rel=1e-3)
    for wrong in ([120, 1], [120, 1, "0"]):
        with pytest.raises(DataError, match="no such row"):
            explained(run, {"row": 0, "steps": 1, "values": wrong})

    page = open_page("#/run/regress-1", locale="en").page
    page.locator(".bend").scroll_into_view_if_needed()
    page.locator(".own-row .why > button").click()
    page.locator(".own-row .adds i").first.wait_for()
    assert "of what" in page.inner_text(".own-row .why .note")
