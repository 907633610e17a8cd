"""The rows of a run's data as points: what the server answers, and how a page filters them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from hiddenstate.engines import make_predictor
from hiddenstate.errors import DataError
from hiddenstate.runs import Run
from hiddenstate.studio import points as module
from hiddenstate.studio.points import points
from tests.conftest import Cli
from tests.studio.conftest import Browser, Client

RunOf = Callable[[str], Run]


def arrays_of(run: Run, part: str, which: str) -> dict[str, Any]:
    return dict(safetensors.numpy.load(points(run, part, which)))


@pytest.fixture
def shop(cli: Cli, tmp_path: Path) -> Run:
    """A small run on a table with columns of every kind."""
    random = np.random.default_rng(2)
    lines = ["code,sold_on,kind,price,weight,order_id"]
    for i in range(200):
        weight = "" if i % 20 == 0 else f"{random.normal(5):.3f}"
        kind = ("tea", "nuts", "")[i % 3]
        lines.append(
            f"A{i},2024-03-{i % 28 + 1:02},{kind},{random.normal(20):.2f},{weight},{1000 + i}"
        )
    (tmp_path / "shop.csv").write_text("\n".join(lines))
    words = ("--epochs", 1, "--encoder-sizes", 2, "--view", "off", "--threads", 1)
    answer = cli("autoencode", "shop.csv", "--input", "price,weight", "--missing", "mean", *words)
    assert answer.code == 0, answer.err
    return Run(tmp_path / "runs" / "autoencode-1")


def test_rows_come_with_the_columns_of_their_file(shop: Run) -> None:
    rows = arrays_of(shop, "train", "rows")
    facts = json.loads(rows["facts"].tobytes())
    columns = {each["name"]: (each, rows[f"column {n}"]) for n, each in enumerate(facts["columns"])}
    kinds = "text date words number number number"
    assert " ".join(each["kind"] for each in facts["columns"]) == kinds
    assert [each["name"] for each in facts["columns"] if each["is_id"]] == ["order_id"]
    table = [line.split(",") for line in Path("shop.csv").read_text().splitlines()]
    for place in (0, 40):
        code, day, kind, price, weight, _ = table[rows["line"][place] - 1]
        about, values = columns["code"]
        assert about["words"][values[place]] == code
        assert np.datetime64(int(columns["sold_on"][1][place]), "s") == np.datetime64(day)
        about, values = columns["kind"]
        assert ([*about["words"], ""])[values[place]] == kind
        assert columns["price"][1][place] == float(price)
        np.testing.assert_equal(columns["weight"][1][place], float(weight or "nan"))
    assert np.isnan(columns["weight"][1]).any()


def test_codes_are_those_of_the_net_of_a_moment(run_of: RunOf) -> None:
    run = run_of("autoencode")
    rows = arrays_of(run, "test", "rows")
    step = int(run.weights_paths()[0].stem)
    for which, model in (("final", run.model()), (str(step), run.weights(run.weights_paths()[0]))):
        found = arrays_of(run, "test", which)
        predictor = make_predictor(model, "cpu", 1)
        np.testing.assert_allclose(found["code"], predictor.encode(rows["row"]), atol=1e-6)
        rebuilt = predictor.predict(rows["row"])
        error = ((rebuilt - rows["row"] / 255) ** 2).mean(axis=1)
        np.testing.assert_allclose(found["error"], error, rtol=1e-5)


def test_a_classifier_gives_its_answers_and_its_states(client: Client, run: Run) -> None:
    found = arrays_of(run, "test", "final")
    rows = arrays_of(run, "test", "rows")
    outputs = make_predictor(run.model(), "cpu", 1).predict(rows["row"])
    np.testing.assert_array_equal(found["answer"], outputs.argmax(axis=1))
    assert found["code"].shape == (30, 3)
    spread = found["code"].std(axis=0)
    assert (np.diff(spread) < 0).all()
    for part, which in (("test", "99"), ("valid", "rows"), ("test", "first")):
        with pytest.raises(DataError, match=r"no such rows|no weights of this moment"):
            points(run, part, which)
    reply = client.get("/api/runs/classify-1/points/test/rows")  # its data lie elsewhere
    assert (
        "is not read here"
        in json.loads(safetensors.numpy.load(reply.body)["facts"].tobytes())["why"]
    )


def test_few_rows_are_taken_of_many(run_of: RunOf, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_of("autoencode")
    monkeypatch.setattr(module, "MOST_ROWS", 7)
    monkeypatch.setattr(module, "MOST_BYTES", 200)
    module._some.cache_clear()
    rows = arrays_of(run, "train", "rows")
    assert (len(rows["number"]), len(rows["row"])) == (7, 3)
    assert (rows["number"][0], rows["number"][-1]) == (0, 119)
    module._some.cache_clear()


def test_data_that_changed_is_refused(shop: Run) -> None:
    Path("shop.csv").write_text(Path("shop.csv").read_text().replace("20", "30"))
    with pytest.raises(DataError, match="data changed"):
        points(shop, "test", "rows")


def test_points_are_filtered_by_any_column(shop: Run, open_page: Callable[..., Browser]) -> None:
    rows = arrays_of(shop, "test", "rows")
    assert len(rows["line"]) == 40
    names = [each["name"] for each in json.loads(rows["facts"].tobytes())["columns"]]
    browser = open_page("#/run/autoencode-1")
    page = browser.page
    page.locator(".points").scroll_into_view_if_needed()
    page.wait_for_selector(".points .count:has-text('40 of 40')")
    browser.settle()
    add = page.locator(".points .sift select")
    add.select_option(f"column {names.index('price')}")
    least = page.locator(".points .typed input").first
    least.fill("20")
    least.press("Enter")
    price = rows[f"column {names.index('price')}"] >= 20
    assert page.text_content(".points .count") == f"{price.sum()} of 40 rows"
    add.select_option(f"column {names.index('kind')}")
    page.locator(".points .chosen input").nth(1).uncheck()  # nuts, tea, none
    both = price & (rows[f"column {names.index('kind')}"] != 1)
    assert page.text_content(".points .count") == f"{both.sum()} of 40 rows"
    page.focus(".points .cloud canvas")
    page.keyboard.press("n")
    second = rows["number"][np.flatnonzero(both)[1]]
    page.wait_for_selector(f".points .its-row .note:has-text('test row {second} ·')")
    page.route("**/points/**", lambda route: None)  # rows that do not come
    page.reload()
    page.locator(".points").scroll_into_view_if_needed()
    page.wait_for_selector(".points .values", state="attached")
    assert page.locator(".points .values[hidden]").count()  # no stop of the Tab key while empty
