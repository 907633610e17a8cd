"""The expectations can fail: every part of a model shows, and a broken translation is found."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from hiddenstate import kernels
from hiddenstate.config.exports import TARGETS
from hiddenstate.engines import native
from hiddenstate.engines.native import _load as load
from hiddenstate.export.audio import signal
from hiddenstate.export.export import target_named
from hiddenstate.export.onnx import cells
from hiddenstate.export.target import Contents, Source
from hiddenstate.models import torch_modules
from hiddenstate.models.fitted import FittedModel
from hiddenstate.program.equations import EQUATIONS, gru
from hiddenstate.system.typing import Array
from tests.contract.models import KINDS
from tests.contract.reference import case_of, reference
from tests.contract.test_contract import faults
from tests.contract.translations import TRANSLATIONS
from tests.export.models import path_of

LOOSEST = 1e-5
"""The limit of the translation that may differ most."""


def changed(model: FittedModel) -> Iterator[tuple[str, FittedModel]]:
    """Iterate over the model with one of its arrays changed, each by its name."""
    for name, array in model.params.items():
        if all(companion.net_share for companion in model.companions):
            yield name, replace(model, params={**model.params, name: array * 1.5 + 0.1})
    transform, linear = model.transform, model.transform.linear
    for name in ("scaling", "target_scaling"):
        if (pair := getattr(transform, name)) is not None:
            for number in (0, 1):
                other = list(pair)
                other[number] = pair[number] * 1.5 + 0.1
                yield f"{name} {number}", with_transform(model, **{name: tuple(other)})
    if transform.fill is not None:
        unit = 1.0 if transform.scaling is None else 1 / transform.scaling[1]
        yield "fill", with_transform(model, fill=transform.fill + unit)
    arrays = () if linear is None else ("weights", "bias", "effects", "input_weights")
    for name in arrays:
        if (array := getattr(linear, name)) is not None:
            path: dict[str, Any] = {name: array * 1.5 + 0.1}
            yield f"linear {name}", with_transform(model, linear=replace(linear, **path))
    if model.companions and path_of(model).net_share < 1:
        fixed = path_of(model)
        for name, changes in (
            ("convolutions", {"weights": fixed.weights * 1.5 + 0.1}),
            ("bias", {"bias": fixed.bias[::-1].copy()}),
        ):
            yield name, replace(model, companions=(replace(fixed, **changes),))


def with_transform(model: FittedModel, **changes: Any) -> FittedModel:
    return replace(model, transform=replace(model.transform, **changes))


def test_every_part_of_a_model_shows_in_its_answers() -> None:
    """So a translation that leaves one out differs."""
    for case, (part, other) in (
        (c, each) for c in map(case_of, KINDS) for each in changed(c.model)
    ):
        excess = 0.0
        for trial in case.trials:
            if excess <= LOOSEST:
                found = reference(other, trial.X, trial.lengths)
                excess = case.difference(trial, found).excess
        assert LOOSEST < excess < np.inf, (case.name, part)


def test_a_state_that_is_lost_shows() -> None:
    for case in map(case_of, KINDS):
        X = case.whole.X
        for kind, expected in (case.whole.stream or {}).items():
            found = reference(case.model, X[:, X.shape[1] // 2 :], None)[kind]
            last = found[:, -1] if found.ndim == 3 else found
            assert np.abs(last - expected[:, -1]).max() > LOOSEST * case.scale, case.name


Break = Callable[[pytest.MonkeyPatch], None]


def in_file(target: str, right: bytes, wrong: bytes) -> Break:
    """Return what writes `wrong` in place of `right` in the file of an export."""
    own = target_named(target)

    def build(source: Source) -> Contents:
        contents = own.build(source)
        ending = next(iter(contents))
        assert right in contents[ending]
        return {**contents, ending: contents[ending].replace(right, wrong)}

    return lambda patch: patch.setattr(
        f"hiddenstate.export.{TARGETS[target]}.TARGET", replace(own, build=build)
    )


def larger_step(wx: Any, uh: Any, state: Any, **own: Any) -> Any:
    """Return the state after a step of a GRU whose change is a tenth larger."""
    ((right,), (h,)) = gru(wx, uh, state, **own), state
    return (h + 1.1 * (right - h),)


def larger_numbers(array: Array) -> Any:
    """Return the numbers of an array, each larger by a hundredth."""
    return (array * 1.01).tolist()


def other_operator(patch: pytest.MonkeyPatch) -> None:
    """Have graphs multiply h of a GRU by r before the product with U."""
    patch.setitem(cells.OPERATORS["gru"].attributes, "linear_before_reset", 0)


def load_larger(learner: Any, which: int, arrays: list[Array], dtype: str) -> None:
    """Load arrays into the kernels, each larger by a hundredth."""
    load(learner, which, [array * 1.01 for array in arrays], dtype)


BROKEN: dict[str, tuple[str, Break]] = {
    "native": ("rnn tanh", lambda patch: patch.setattr(native, "_load", load_larger)),
    "torch": (
        "autoencoder, tanh",
        lambda patch: patch.setitem(torch_modules._ACTIVATIONS, "tanh", torch.nn.ReLU),
    ),
    "numpy": ("gru", lambda patch: patch.setitem(EQUATIONS, "gru", larger_step)),
    "program": ("gru", lambda patch: patch.setitem(EQUATIONS, "gru", larger_step)),
    "python": ("gru", in_file("python", b"(1 - z) *", b"(1.001 - z) *")),
    "onnx": ("gru", other_operator),
    "onnx, a loop": ("fastgrnn", lambda patch: patch.setattr(cells, "sigmoid", np.tanh)),
    "c": ("gru", in_file("c", b"(1.0f - z) *", b"(1.001f - z) *")),
    "html": ("gru", in_file("html", b"(1-z)*", b"(1.001-z)*")),
    "triton": ("gru", other_operator),
    "nam": ("lstm of a signal", lambda patch: patch.setattr(signal, "numbers", larger_numbers)),
    "rtneural": ("gru of a signal", lambda patch: patch.setattr(signal, "numbers", larger_numbers)),
}
"""What breaks each translation on purpose, and a model in which it shows."""


def test_every_translation_is_broken() -> None:
    assert {name.partition(",")[0] for name in BROKEN} == set(TRANSLATIONS)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_translation_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "native" and kernels.level() is None:
        pytest.skip(str(kernels.why_not()))
    model, break_it = BROKEN[name]
    translation = TRANSLATIONS[name.partition(",")[0]]
    assert faults(translation, [model]) == []
    break_it(monkeypatch)
    assert faults(translation, [model])
