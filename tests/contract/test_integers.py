"""Every translation with nets in integers gives the same integers, and the others refuse them."""

import shutil

import pytest

from hiddenstate.config.exports import TARGETS
from hiddenstate.errors import DataError, OptionError
from hiddenstate.export.export import export_model, target_named
from hiddenstate.export.html import node
from hiddenstate.models.torch_modules import module_of
from hiddenstate.program.integers import Quantise
from tests.contract.integers import ANSWERING, LIMIT, NAMES, in_integers, integer_case
from tests.contract.models import model_of
from tests.contract.translations import differences


@pytest.mark.parametrize("name", ANSWERING)
def test_a_translation_gives_the_same_integers(name: str) -> None:
    cases = [integer_case(each) for each in NAMES]
    for case, reply in zip(cases, ANSWERING[name](cases), strict=True):
        for question, (_, excess) in differences(case, reply).items():
            assert excess <= LIMIT, (name, case.name, question, excess)


@pytest.mark.parametrize("to", [to for to in TARGETS if not target_named(to).has(Quantise)])
def test_a_target_without_integers_refuses_them(to, tmp_path):
    model = in_integers(model_of("lstm of a signal"))
    with pytest.raises(OptionError, match=r"cannot compute in integers; use --to [^\n]*html"):
        export_model(model, to, tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_weights_of_an_integer_model_are_int8(tmp_path):
    model = in_integers(model_of("gru"))
    with pytest.raises(OptionError, match="are int8; leave out the option"):
        export_model(model, "html", tmp_path / "m", weights="float16")
    assert export_model(model, "python", tmp_path / "m").weights == "int8"


def test_torch_refuses_integers():
    with pytest.raises(DataError, match="has no torch module"):
        module_of(in_integers(model_of("gru")))


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_a_page_whose_table_is_rounded_down_is_not_written(monkeypatch, tmp_path):
    own, right, wrong = node.program_text, "Math.round(ONE/", "Math.floor(ONE/"
    assert export_model(in_integers(model_of("gru")), "html", tmp_path / "m").difference < LIMIT
    monkeypatch.setattr(node, "program_text", lambda page: own(page).replace(right, wrong))
    with pytest.raises(DataError, match="node computes other integers than numpy"):
        export_model(in_integers(model_of("gru")), "html", tmp_path / "n")
    assert [path.stem for path in tmp_path.iterdir()] == ["m", "m"]
