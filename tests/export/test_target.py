"""What targets of exports declare, and how they refuse what they do not hold."""

from dataclasses import replace

import pytest

from hiddenstate.config import exports
from hiddenstate.errors import OptionError
from hiddenstate.export import export, export_model
from hiddenstate.export.export import target_named
from tests.export.models import random_model


def test_a_kind_that_no_target_has_is_refused_with_its_hint(monkeypatch):
    class Other:
        """A kind."""

    hint = ", or train a model with --no-others"
    monkeypatch.setitem(export.WORDS, Other, ("hold others", hint))
    words = "--to c: cannot hold others; train a model with --no-others"
    with pytest.raises(OptionError, match=f"^{words}$"):
        export._refuse_kinds(target_named("c"), [Other])


def test_the_list_has_what_the_targets_are_and_take() -> None:
    targets = [target_named(name) for name in exports.TARGETS]
    assert [target.name for target in targets] == sorted(exports.TARGETS)
    folders = {f"{target.name} {name}" for target in targets for name in target.folders}
    assert set(exports.OFFERED) == folders | set(exports.TARGETS)
    assert {f"c {name}" for name in exports.LAYOUTS} == folders
    assert set(exports.WEIGHTS) == {w for target in targets for w in target.weights} - {"float64"}


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (
            {"job": "classify", "convolutions": 0.5},
            "--to nam: cannot hold fixed convolutions; use --to c, html, onnx or python, or train "
            "a model with --no-convolutions",
        ),
        (
            {"job": "classify", "missing": "mask"},
            "--to nam: cannot hold Fill; use --to c, html, onnx, python or triton",
        ),
    ],
)
def test_a_target_without_a_kind_refuses_it_and_lists_those_that_have_it(
    wanted, message, tmp_path, monkeypatch
):
    target = replace(target_named("nam"), refusal=lambda program: None)
    monkeypatch.setattr("hiddenstate.export.audio.nam.TARGET", target)
    with pytest.raises(OptionError) as caught:
        export_model(random_model(1, **wanted), "nam", tmp_path / "m")
    assert str(caught.value) == message
    assert list(tmp_path.iterdir()) == []
