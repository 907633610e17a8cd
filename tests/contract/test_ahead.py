"""Every export of a model that forecasts gives the forecasts of `hiddenstate forecast`."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.export.export import target_named
from hiddenstate.export.onnx.file import BATCH, reference_session, run_in
from hiddenstate.export.target import Run, Source
from hiddenstate.export.trial import float_rounding, scale_of
from hiddenstate.inference.forecast import Forecaster
from hiddenstate.inference.intervals import Intervals
from hiddenstate.inference.overflow import checked_predictor
from tests.contract.forecasts import HORIZON, LEVELS, MODELS, SEASON, source
from tests.contract.programs import STRICT
from tests.contract.reference import rows
from tests.export.compiled import build, sanitized


def by_command(own: Source, X: Any) -> dict[str, Any]:
    """Return what `hiddenstate forecast` computes of series as an export reads them."""
    model, H, n_moved = own.model, own.program.horizon, own.program.n_moved
    plain = X[..., : X.shape[-1] - n_moved]
    series = [np.array(each) for each in plain]
    after = [each[-H:, X.shape[-1] - n_moved :] for each in X]
    forecaster = Forecaster(model, checked_predictor(model, threads=1), H)
    forecaster = forecaster.followed_by(after) if n_moved else forecaster
    paths = forecaster.paths(series, [np.array([len(each) - 1]) for each in series])
    found, intervals = {"y": paths.values}, Intervals(model, series)
    assert own.program.ahead is not None
    for level, half in zip(LEVELS, own.program.ahead.half, strict=True):
        low, high = intervals.around(paths.values, paths.series, half)
        found |= {f"lower_{100 * level:g}": low, f"upper_{100 * level:g}": high}
    return found


def series_for(own: Source, n_steps: int) -> Any:
    """Return series as the data has them; known ahead is the same column later."""
    width, H, n = own.program.n_features, own.program.horizon, own.program.n_moved
    X = rows(own.model, (3, n_steps + H, width), np.random.default_rng(len(own.name)))
    if n:  # where a series begins, no value before a gap is known
        first = X[:, : H + 1, list(own.model.transform.known.ahead)]
        X[:, : H + 1, list(own.model.transform.known.ahead)] = np.where(
            np.isfinite(first), first, 1
        )
        X[:, :n_steps, width - n :] = X[:, H:, list(own.model.transform.known.ahead)]
    X = X[:, :n_steps]
    return np.where(np.isinf(X), np.nan, X)


@pytest.mark.parametrize("name", MODELS)
def test_a_program_forecasts_as_the_command_does(name: str) -> None:
    own = source(name)
    for n_steps in (own.program.least, own.program.window + HORIZON + SEASON + 2):
        X = series_for(own, n_steps)
        wanted, found = by_command(own, X), own.program.forecast(X)
        assert found.keys() == wanted.keys()
        for key, values in wanted.items():
            np.testing.assert_allclose(found[key], values, rtol=2e-5, atol=2e-5, err_msg=key)


def strictly(compiler: str, text: str, program: Path) -> None:
    """Compile a program of a header, without a warning and with sanitizers."""
    words = [compiler, "-std=c99", *STRICT, "-Wno-unused-function", *sanitized()[1:], "-x", "c"]
    build(program, [word for word in words if word != "-g"], text.encode())


def tried(own: Source, run: Run, limit: float) -> str:
    """Return what a target answers otherwise than the program; empty if nothing."""
    trial = own.trial_ahead
    assert trial is not None
    scale = scale_of(own.model, [*own.trials, trial])
    wrong = []
    for key, values in trial.answers.items():
        spare = float_rounding({key: run.answers[key]}, {key: values}, scale)
        off = float(np.abs(run.answers[key] - values).max())
        if not off <= limit * scale + spare:
            wrong.append(f"{key}: {off:.3g}, and {limit * scale + spare:.3g} is allowed")
    return "; ".join(wrong)


@pytest.mark.parametrize("to", ["python", "onnx", "c", "html"])
def test_exports_forecast_as_the_program_does(to: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hiddenstate.export.c.run._compile", strictly)
    target, wrong = target_named(to), []
    for name in MODELS:
        own = source(name)
        trial = own.trial_ahead
        assert trial is not None
        run = target.run(own, target.build(own), trial)
        wrong += [f"{name}: {text}" for text in [tried(own, run, target.limit)] if text]
    assert not wrong, "\n".join(wrong)


def test_the_evaluator_of_onnx_forecasts_as_the_program_does() -> None:
    pytest.importorskip("onnx")
    own, target = source("by window, every part"), target_named("onnx")
    trial = own.trial_ahead
    assert trial is not None
    run = run_in(reference_session, own, {BATCH: target.build(own)[BATCH]}, trial)
    assert tried(own, run, target.limit) == ""
