"""What a page says its answers rest on: in a browser, as the kernels compute it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.export.html import why as why_module
from hiddenstate.export.html.node import data_text
from hiddenstate.export.html.page import TARGET
from hiddenstate.export.html.why import why_scripts, without_gradient
from hiddenstate.export.target import source_of
from hiddenstate.inference.why import Explainer
from hiddenstate.models.meaning import program_of
from tests.conftest import needs_kernels
from tests.contract.models import CLASSIFY, STEM, made
from tests.export.models import random_model


def test_a_page_has_the_gradients_of_its_kinds_alone() -> None:
    program = program_of(made(100, STEM, cell="lru"))
    assert why_scripts(program) == ["stem_gradients", "lru_gradients", "why_odds"]
    page = TARGET.build(source_of(made(4, CLASSIFY, cell="lstm"), "m", "float32"))
    text = page[".html"].decode()
    assert "lstm(a,b,[h,c],_,[d,carried])" in text
    assert not [name for name in ("gru(", "fastgrnn(", "Quantiles") if name in text]


def test_a_cell_without_a_gradient_has_no_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    model = made(3, CLASSIFY)
    assert without_gradient(program_of(model)) == []
    monkeypatch.setattr(why_module, "source_of_script", lambda name: "")
    assert without_gradient(program_of(model)) == ["gru"]
    contents = TARGET.build(source_of(model, "m", "float32"))
    assert json.loads(data_text(contents[".html"].decode()))["why"] is None
    assert TARGET.remark is not None
    assert TARGET.remark(contents).startswith("the page has no Why?: ")


SHARES = """() => {
  const found = whyOf(model.program, model.prepare(reader.series), MEAN, 0);
  let done;
  do done = found.next(); while (!done.done);
  return done.value.shares.map((step) => [...step]);
}"""


@needs_kernels
def test_a_page_says_what_its_answer_rests_on(chromium: Any, tmp_path: Path) -> None:
    """Beside the button, from the keyboard, and the signal is tinted then."""
    model = random_model(3, **{**CLASSIFY, "features": 3, "steps": 9})
    path = tmp_path / "m.html"
    path.write_bytes(TARGET.build(source_of(model, "m", "float32"))[".html"])
    page = chromium.new_page()
    page.goto(path.as_uri())
    picture = "document.getElementById('reading').toDataURL()"
    before = page.evaluate(picture)
    page.locator("#why").focus()
    page.keyboard.press("Enter")
    words = page.locator("#why-text", has_text="Log-odds")
    words.wait_for()
    assert "For it most: " in words.text_content()
    assert page.evaluate(picture) != before
    series = np.array(page.evaluate("() => reader.series.map((step) => [...step])"))
    kept = program_of(model).kept(series[None])[0]
    wanted = Explainer(model).why(kept, 0).attributions
    np.testing.assert_allclose(page.evaluate(SHARES), wanted, atol=2e-6)
    page.locator("#moment").fill("0")
    page.locator("#why-text", has_text="Nothing is read yet.").wait_for()
    page.locator("#why").click()
    assert page.locator("#why-text").is_hidden()
    page.close()
