"""Each module that decides something has a file of tests that is named after it."""

import ast
from pathlib import Path

import hiddenstate

SOURCE, TESTS = Path(hiddenstate.__file__).parent, Path(__file__).parent

DECISIONS = (ast.If, ast.IfExp, ast.While, ast.Match, ast.Try, ast.BoolOp, ast.Assert)

SEVERAL = 10
"""So many decisions need tests of their own. Tables, words and what only passes things on have
fewer: they are tested with what uses them."""

WITHOUT = {
    "cli": (
        "doctor findings forecast forecast_table live_view options output_file predict "
        "ranks refused_options report_tables runs step_tables sweep_models "
        "training_output tune_progress verify verify_searches view"
    ),
    "config": "option",
    "data": "column_names origin settled table_series time_form",
    "data/prepare": ("apply augment_choice augment_suited candidates fit lags layout weights"),
    "data/readers": "cells class_folders dated_rows idx open text_lines ts_header",
    "engines": "torch",
    "estimators": "artifacts base carried classifier online_learners regressor tables",
    "export": "present rounding",
    "export/c": "arrays comment content layout recurrent run",
    "export/html": "forms node view",
    "export/onnx": "ahead file graph models nets steps",
    "export/python": "times values",
    "inference": "fans forecast_scores inputs outlook rolled step_lines stream_state",
    "jobs": "autoencode classify held_out snapshot_limits teacher",
    "metrics": "forecasts",
    "models": "headroom layers meaning torch_modules torch_stack",
    "models/companions": "companion",
    "program": "cells layers order program",
    "report/html": "blocks",
    "runs": "listing record run_data snapshot_files",
    "scale": "agreement rank_training",
    "scale/sweep": "groups interface models packets start",
    "scale/track": "facts wandb_file written",
    "scale/tune": "database_errors results rungs study training",
    "studio": "compare processes",
    "training": "checkpoints recorder start",
    "views": "offscreen row_form",
    "views/figures": "dates lanes layout",
    "views/pictures": "picture table words",
    "views/terminal": "screen",
}
"""Modules that still have none, by folder. This list only gets shorter."""


def n_decisions(path: Path) -> int:
    """Return how often a module decides, also which items of an iterable it takes."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    kept = sum(len(node.ifs) for node in nodes if isinstance(node, ast.comprehension))
    return kept + sum(isinstance(node, DECISIONS) for node in nodes)


def has_tests(module: Path) -> bool:
    """Whether tests are named after a module, or its folder and it, in its folder or one above.

    Those of a room that is a single module lie anywhere.
    """
    folder, name = module.parent, f"test_{module.name}"
    if folder == Path():
        return any(TESTS.rglob(name))
    above = [TESTS / each for each in (folder, *folder.parents) if each != Path()]
    names = (name, f"test_{folder.name}_{module.name}")
    return any((place / each).exists() for place in above for each in names)


def test_what_decides_something_has_a_file_of_tests() -> None:
    missing: dict[str, list[str]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        module = path.relative_to(SOURCE)
        if path.stem in ("__init__", "__main__") or has_tests(module):
            continue
        if n_decisions(path) >= SEVERAL:
            missing.setdefault(module.parent.as_posix(), []).append(module.stem)
    assert missing == {folder: names.split() for folder, names in WITHOUT.items()}
