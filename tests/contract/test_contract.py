"""Every translation of every model of the list gives the answers of the reference, or refuses."""

from collections.abc import Iterable

import pytest

from hiddenstate import kernels
from hiddenstate.config.exports import TARGETS
from hiddenstate.errors import OptionError
from hiddenstate.export.export import export_model
from hiddenstate.export.target import Source
from hiddenstate.models.fitted import FittedModel
from tests.contract.models import KINDS, first_of_kinds, model_of, random_names
from tests.contract.translations import OTHERS, TRANSLATIONS, Translation, differences

PARTS: dict[str, list[str]] = {"kinds": list(KINDS), "random": random_names()}


def faults(translation: Translation, names: Iterable[str]) -> list[str]:
    """Return where a translation differs from the reference by more than its limit."""
    cases, found = translation.cases(names), []
    for case, reply in zip(cases, translation.reply(cases), strict=True):
        limit = translation.limit(case.model)
        for question, (_, excess) in differences(case, reply).items():
            if not excess <= limit:
                found.append(f"{case.name}: {question}: {excess:.3g}, and {limit:g} is allowed")
    return found


@pytest.mark.parametrize("name", TRANSLATIONS)
@pytest.mark.parametrize("part", PARTS)
def test_a_translation_gives_the_answers_of_the_reference(part: str, name: str) -> None:
    if name == "native" and kernels.level() is None:
        pytest.skip(str(kernels.why_not()))
    wrong = faults(TRANSLATIONS[name], PARTS[part])
    assert not wrong, "\n".join([f"{name}:", *wrong])


@pytest.mark.parametrize("name", OTHERS)
def test_other_ways_give_the_answers_of_the_reference(name: str) -> None:
    wrong = faults(OTHERS[name], first_of_kinds())
    assert not wrong, "\n".join([f"{name}:", *wrong])


def asked_at(level: str, part: str) -> list[str]:
    """Return the models that the kernels are asked about at a level: all kinds at each, and all
    random ones at the best, the others taking turns with these."""
    lower = kernels.levels()[:-1]
    takes_turns = part == "random" and level in lower
    return PARTS[part][lower.index(level) :: len(lower)] if takes_turns else PARTS[part]


@pytest.mark.parametrize("level", kernels.levels()[:-1])
@pytest.mark.parametrize("part", PARTS)
def test_the_kernels_give_the_answers_of_the_reference_at_each_level(
    part: str, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(kernels.VARIABLE, level)
    wrong = faults(TRANSLATIONS["native"], asked_at(level, part))
    assert not wrong, "\n".join([f"{level}:", *wrong])


class Accepted(Exception):  # noqa: N818
    """Raised before the rows that a target would be tried on are computed."""


def accept(model: FittedModel, source: Source) -> None:
    raise Accepted


@pytest.mark.parametrize("to", TARGETS)
def test_a_target_refuses_what_it_declares_and_nothing_else(to, monkeypatch, tmp_path):
    monkeypatch.setattr("hiddenstate.export.export._refuse_overflow", accept)
    refused = []
    for name in KINDS:
        try:
            export_model(model_of(name), to, tmp_path / "m")
        except OptionError:
            refused.append(name)
        except Accepted:
            pass
    assert refused == [name for name in KINDS if TRANSLATIONS[to].refuses(model_of(name))]
    assert not list(tmp_path.iterdir())
