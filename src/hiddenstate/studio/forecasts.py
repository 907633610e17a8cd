"""The forecast of the series of a run, as its page shows it."""

import json
from dataclasses import replace

from hiddenstate.export.export import target_named
from hiddenstate.export.html.forecasts import forecast_view
from hiddenstate.export.html.page import net_scripts
from hiddenstate.export.present import present_of
from hiddenstate.export.python.file import packed
from hiddenstate.export.target import kinds_of, source_of
from hiddenstate.runs import Run


def forecast(run: Run) -> bytes:
    """Return the forecast of a run in JSON: `forecast`, or `why` there is none and, where something
    known ahead bends it, the `program` of the model with its `scripts`.

    Raises
    ------
    HiddenstateError
        If there is no model, or it cannot be read.
    """
    model = run.model()
    present, why = present_of(model, run)
    if present is None:
        return _as_json({"forecast": None, "why": why or "the model does not forecast"})
    source = replace(source_of(model, run.name, "float32"), present=present)
    program = source.program
    view = forecast_view(present, program)
    page = target_named("html")
    found: dict[str, object] = {"forecast": view}
    if view["known"] and all(page.has(kind) for kind in kinds_of(program)):
        found |= {"program": packed(program, ("<f4",)), "scripts": net_scripts(program)}
    return _as_json(found)


def _as_json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
