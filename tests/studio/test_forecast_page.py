"""The forecast of a run: it appears on a page that was open while the run was trained."""

import shutil
from collections.abc import Callable
from pathlib import Path

from hiddenstate.runs import Run
from tests.conftest import Cli
from tests.studio.conftest import Browser
from tests.studio.test_loading import MOST, loaded, size_of
from tests.studio.test_why import run_on_delay


def test_the_forecast_appears_once_the_model_of_a_watched_run_is_there(
    odd_run: Callable[[str], Run], open_page: Callable[..., Browser], tmp_path: Path
) -> None:
    run = tmp_path / "runs" / "shop"
    shutil.copytree(odd_run("known_ahead").path, run)
    ends = {name: (run / name).read_bytes() for name in ("history.jsonl", "journal.jsonl")}
    for name, text in ends.items():
        (run / name).write_bytes(b"".join(text.splitlines(keepends=True)[:-1]))
    (run / "model.safetensors").rename(tmp_path / "model")
    page = open_page("#/run/shop").page
    page.wait_for_selector(".bend")
    assert page.get_by_text("What comes next").count() == 0
    (tmp_path / "model").rename(run / "model.safetensors")
    for name, text in ends.items():
        (run / name).write_bytes(text)
    page.wait_for_selector("text=What comes next")


def test_a_forecast_is_as_small_in_chinese_and_its_model_is_there_to_be_moved(
    cli: Cli, open_page: Callable[..., Browser], tmp_path: Path
) -> None:
    run_on_delay(cli, tmp_path, "--horizon", 2, "--future", "heat", "--epochs", 1)
    browser = open_page("#/run/regress-1", locale="zh")
    page = browser.page
    page.wait_for_selector("canvas.fan")
    assert 100_000 < size_of(browser) <= MOST
    assert "net.js" not in loaded(browser)
    page.focus("canvas.fan")
    page.keyboard.press("End")
    first = page.inner_text(".fan-tools ~ output").split()[2]
    page.keyboard.press("ArrowUp")
    page.wait_for_selector(f".fan-tools ~ output:not(:has-text(': {first} '))")
    assert "net.js" in loaded(browser)
