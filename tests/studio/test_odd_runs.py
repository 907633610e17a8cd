"""Pages of runs that are not as they should be, and of runs that go while they are shown."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hiddenstate.data.leaks import Leak
from hiddenstate.errors import DataError
from hiddenstate.export.html import page
from hiddenstate.program.layers import Readout
from hiddenstate.runs import Run
from hiddenstate.runs.record import seed_of
from hiddenstate.studio import details
from hiddenstate.system.checksums import lines_with_checksums

NAMES = ("two words", "<img src=x onerror=alert(1)>", "\u202egnp.exe", "-x '\"& 数字")


def without_weights(path: Path) -> None:
    shutil.rmtree(path / "weights")


def without_snapshots(path: Path) -> None:
    for each in (path / "snapshots").iterdir():
        if each.stem.isdecimal():
            each.unlink()


def just_begun(path: Path) -> None:
    without_weights(path)
    without_snapshots(path)
    (path / "snapshots" / "closing.safetensors").unlink(missing_ok=True)
    (path / "model.safetensors").unlink()
    (path / "history.jsonl").write_bytes(b"")
    (path / "closed.json").unlink(missing_ok=True)


def diverged(path: Path) -> None:
    run = Run(path)
    seed = seed_of(run.id)
    (path / "model.safetensors").unlink()
    (path / "snapshots" / "closing.safetensors").unlink(missing_ok=True)
    (path / "closed.json").unlink(missing_ok=True)
    kept = [event for event in run.history() if event["event"] == "log"]
    (path / "history.jsonl").write_bytes(lines_with_checksums(kept, seed)[0])
    failed = {
        "time": "2026-01-01T00:00:00+00:00",
        "event": "failed",
        "step": 9,
        "why": "training diverged: <b>x</b>",
    }
    (path / "journal.jsonl").write_bytes(lines_with_checksums([failed], seed)[0])


CHANGES = {
    "classify": (without_weights, just_begun, diverged),
    "regress": (without_snapshots, just_begun),
    "autoencode": (without_weights, without_snapshots),
}


@pytest.mark.parametrize("job", CHANGES)
def test_odd_runs_are_shown_without_an_error(
    trained: Callable[[str], Path], open_page: Any, tmp_path: Path, job: str
) -> None:
    changes = CHANGES[job]
    for change in changes:
        shutil.copytree(trained(job), tmp_path / "runs" / change.__name__)
        change(tmp_path / "runs" / change.__name__)
    browser = open_page("#/runs")
    page = browser.page
    for change in changes:
        page.evaluate("(name) => { window.location.hash = `#/run/${name}`; }", change.__name__)
        page.wait_for_selector(f"h1:has-text('{change.__name__}')")
        page.wait_for_selector(".head .status:not(:empty)")
        browser.settle()
        assert page.locator(".lost").count() == 0, change.__name__
        assert not browser.problems, change.__name__


def test_a_run_shows_why_its_score_is_too_good(
    trained: Callable[[str], Path], open_page: Any, tmp_path: Path
) -> None:
    path = shutil.copytree(trained("classify"), tmp_path / "runs" / "leaking") / "config.json"
    record = json.loads(path.read_text("utf-8"))
    del record["sha256"]
    leak = Leak("label", 9, 9, "<b>code</b>")
    record["data"]["leaks"] = [leak.facts(), {"kind": "label"}]
    path.write_text(json.dumps(record), "utf-8")
    page = open_page("#/run/leaking").page
    page.wait_for_selector(".leaks li")
    assert page.locator(".leaks li").all_inner_texts() == [leak.in_words()]


def test_odd_names_are_text(trained: Callable[[str], Path], open_page: Any, tmp_path: Path) -> None:
    for name in NAMES:
        shutil.copytree(trained("classify"), tmp_path / "runs" / name)
    page = open_page("#/runs").page
    page.wait_for_selector("text=two words")
    assert page.locator("main img").count() == 0
    for k in range(len(NAMES)):
        page.goto(page.url.partition("#")[0] + "#/runs")
        page.locator("main a[href*='#/run/']").nth(k).click()
        page.wait_for_selector("h1 .status")
        assert page.locator("main img").count() == 0


def test_another_run_of_the_same_name_is_another_page(
    trained: Callable[[str], Path], open_page: Any, tmp_path: Path
) -> None:
    path = tmp_path / "runs" / "one"
    shutil.copytree(trained("classify"), path)
    browser = open_page("#/run/one")
    page = browser.page
    page.wait_for_selector(".panels.classify")
    shutil.copytree(trained("regress"), tmp_path / "other")
    path.rename(tmp_path / "was")
    page.wait_for_selector("header .status.gone")
    (tmp_path / "other").rename(path)
    page.wait_for_selector(".panels.regress")
    browser.problems.clear()  # what was asked for while there was none


def test_a_net_that_no_page_computes_is_refused(
    trained: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(trained("classify"))
    assert details.program(run, None)
    monkeypatch.setattr(page, "TARGET", replace(page.TARGET, kinds=page.KINDS - {Readout}))
    for answer in (details.program, details.view):
        with pytest.raises(DataError, match="no page computes a model with Readout"):
            answer(run, None)
