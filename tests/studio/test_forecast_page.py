"""The forecast of a run: it appears on a page that was open while the run was trained."""

import shutil
from collections.abc import Callable
from pathlib import Path

from hiddenstate.runs import Run
from tests.studio.conftest import Browser


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
