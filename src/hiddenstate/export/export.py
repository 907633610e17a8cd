"""Builds an export, tries it on rows, and writes it only if its answers are those of the model."""

import importlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from hiddenstate.config.exports import TARGETS
from hiddenstate.errors import (
    DataError,
    OptionError,
    UntrustedFileError,
    did_you_mean,
    printable,
)
from hiddenstate.export.example import add_example, both_examples
from hiddenstate.export.facts import Facts
from hiddenstate.export.magnitude import magnitudes
from hiddenstate.export.present import present_of
from hiddenstate.export.rounding import checked_change
from hiddenstate.export.target import (
    BACKWARD,
    Contents,
    Source,
    Target,
    facts_json,
    identifier,
    kinds_of,
    source_of,
)
from hiddenstate.export.trial import (
    differences,
    differs_in_one,
    float_rounding,
    scale_of,
)
from hiddenstate.inference.overflow import check_inputs, checked_predictor
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.streaming import obstacles_of_model, reasons, streaming_options
from hiddenstate.program.integers import Quantise
from hiddenstate.program.words import COMPANIONS
from hiddenstate.runs.run import is_own_file
from hiddenstate.system.atomic_file import check_output, write_outputs

if TYPE_CHECKING:
    from hiddenstate.runs import Run

FARTHEST_INPUT = 8e6
"""Deviations from 0 of an input from which steps of float32 are a deviation or more."""

SHA: Final = "model_sha256"
"""The name, in the facts of an export, of the SHA-256 of its model."""


@dataclass(frozen=True)
class Report:
    """What was written, and how close its answers are to the model's.

    Parameters
    ----------
    target : str
    files : dict
        Size in bytes of each file, by its path; the first is the one that was asked for.
    difference : float
        Largest difference of an answer to the trial rows from the reference in float64.
    limit : float
        Above which nothing would have been written.
    n_rows : int
        Number of trial rows.
    computed_by : str
        What computed the answers, such as `onnxruntime 1.23.2`.
    weights : str
        How weights are stored.
    change : float, optional
        How much an answer changes at most because weights are rounded, as a share of its scale;
        None if they are not, or the target has no limit for it.
    note : str
        What is not in the files, and why, and which rows of the run are; empty if there is nothing
        to say, else a line each.
    """

    target: str
    files: dict[str, int]
    difference: float
    limit: float
    n_rows: int
    computed_by: str
    weights: str
    change: float | None = None
    note: str = ""


def target_named(name: str) -> Target:
    """Return a target by its name (`OptionError` if there is none)."""
    if not isinstance(name, str) or name not in TARGETS:
        raise OptionError(
            f"--to: unknown target {printable(name, 40)}; expected {', '.join(TARGETS)}"
            f"{did_you_mean(str(name), TARGETS)}"
        )
    target: Target = importlib.import_module(f"hiddenstate.export.{TARGETS[name]}").TARGET
    return target


def default_output(name: str, to: str, layout: str | None = None) -> Path:
    """Return the file that an export of a model called `name` is written to, unless named.

    A Python file can be imported by its name. With a layout it is a folder.
    """
    if layout is not None:
        return Path(f"{identifier(name)}-{layout}")
    ending = target_named(to).ending
    return Path((identifier(name) if ending == ".py" else name) + ending)


def export_model(
    model: FittedModel,
    to: str,
    output: str | os.PathLike[str],
    weights: str | None = None,
    force: bool = False,
    run: "Run | None" = None,
    layout: str | None = None,
) -> Report:
    """Write a model for another language, if the result gives the model's answers.

    What belongs to the file, such as a JSON with the names of classes and columns, lies beside it.

    Parameters
    ----------
    model : FittedModel
    to : str
        A key of `TARGETS`.
    output : path
        The file; its ending is that of the target, or is added. The folder, for `triton` and with
        a layout.
    weights : str, optional
        How weights are stored; see `Target.weights`. By default as the target chooses.
    force : bool, default False
        Whether files that exist are replaced.
    run : Run, optional
        The run that trained the model. A page shows some of its rows.
    layout : {"arduino", "cmake"}, optional
        Of the folder around a C header; see `Target.folders`. By default the header alone.

    Raises
    ------
    OptionError
        If there is no such target, it cannot hold the model, or a file exists.
    MachineError
        If what builds it is not installed, or a file cannot be written.
    DataError
        If an answer differs from the model's by more than the limit; nothing is written then.
    UntrustedFileError
        If the model's weights are so large that its predictions overflow.
    """
    target = target_named(to)
    folder = _checked_layout(target, layout)
    ending = "" if layout else target.ending
    path, base = _named(Path(output), ending)
    weights = _checked_weights(target, weights, model)
    name = identifier(base.name.removesuffix(f"-{layout}")) if layout else base.name
    source = source_of(model, name, weights, target.stored)
    present, note = present_of(model, run) if target.forecasts else (None, "")
    source = replace(source, run=run, present=present)
    missing = [kind for kind in kinds_of(source.program) if not target.has(kind)]
    _refuse_kinds(target, [kind for kind in missing if kind == BACKWARD])
    if target.only_streams and (reason := target.refusal(source.program)):
        against = obstacles_of_model(model)
        options = streaming_options(against)
        hint = f", or train one with {options} (it {reasons(against)})" if options else ""
        raise OptionError(f"--to {to}: {reason}{hint}")
    _refuse_kinds(target, [kind for kind in missing if kind in WORDS])
    if reason := target.refusal(source.program):
        raise OptionError(f"--to {to}: {reason}")
    _refuse_kinds(target, missing)
    if not target.wide_inputs:
        _refuse_far_inputs(source, to)
    change = checked_change(target, source, model)
    _refuse_overflow(model, source)
    add_example(source)
    tried = contents = target.build(source)
    if folder is not None:
        contents = folder(base.resolve().name, source, tried)
    paths = {end: Path(f"{base}{end}") for end in contents}
    if ending:
        contents.setdefault(".json", facts_json(source.facts))
        paths |= {".json": Path(f"{base}.json"), next(iter(contents)): path}
        earlier = _earlier_facts(paths[".json"]) if path != paths[".json"] else None
        shared = earlier is not None and earlier[SHA] == source.facts[SHA]
        if earlier is not None and shared:  # exports of the same model add to one file
            facts = json.loads(contents[".json"])
            contents[".json"] = facts_json({**earlier, **facts, **both_examples(earlier, facts)})
        kept = [each for end, each in paths.items() if end != ".json" or not shared]
        _check_files(kept, force, path)
    else:
        facts = next(each for end, each in paths.items() if end.endswith(".json"))
        _check_folder(base, _earlier_facts(facts) is not None, force)
    report = _tried(target, source, tried)
    write_outputs({paths[end]: content for end, content in contents.items()})
    sizes = {str(paths[end]): len(content) for end, content in contents.items()}
    remark = "" if target.remark is None else target.remark(tried)
    return Report(to, sizes, *report, weights, change, "\n".join(filter(None, [note, remark])))


WORDS: dict[type | str, tuple[str, str]] = {
    **{
        kind: (f"hold {words.title}", f", or train a model with --no-{words.name}")
        for kind, words in COMPANIONS.items()
    },
    Quantise: (
        "compute in integers",
        ", or add --arithmetic float, which gives its rounded weights in floats",
    ),
    BACKWARD: (
        "fill in missing values of series that are scaled by window",
        ", or train one without --missing forward, on data without gaps, or with --scale auto",
    ),
}
"""What targets without a kind cannot do, and what to do about it."""


def _refuse_kinds(target: Target, missing: list[type | str]) -> None:
    """Refuse a program if there are kinds that the target has nothing for (`OptionError`)."""
    for kind in missing:
        having = [name for name in TARGETS if target_named(name).has(kind)]
        others = " or ".join(filter(None, (", ".join(having[:-1]), *having[-1:])))
        name = kind if isinstance(kind, str) else kind.__name__
        words, hint = WORDS.get(kind, (f"hold {name}", ""))
        use = f"; use --to {others}{hint}" if having else hint.replace(", or", ";", 1)
        raise OptionError(f"--to {target.name}: cannot {words}{use}")


def _refuse_far_inputs(source: Source, to: str) -> None:
    """Refuse features of which float32 cannot tell one value from another (`OptionError`)."""
    offset, factor = source.model.transform.scaling or (np.zeros(0), np.zeros(0))
    far = np.abs(offset) * np.abs(factor)
    if (far > FARTHEST_INPUT).any():
        worst = int(far.argmax())
        name = (source.model.transform.feature_names or range(len(far)))[worst]
        raise OptionError(
            f"--to {to}: reads float32, which cannot tell the values of feature "
            f"{printable(name, 40)} apart: they are {far[worst]:.1g} deviations from 0; use --to "
            "python or html, or train on values from which a constant is subtracted"
        )


def _refuse_overflow(model: FittedModel, source: Source) -> None:
    """Refuse a model whose answers to the trial rows overflow in its own type, as `predict` does.

    Some targets compute in float64, where they would be finite, and not the model's.

    Raises
    ------
    UntrustedFileError
    """
    predictor = checked_predictor(model, "cpu", threads=1)
    transform, dtype = source.model.transform, model.dtype
    for trial in source.trials:
        inputs = transform.apply(trial.X, trial.lengths, dtype, "trial rows")
        try:
            check_inputs(model, inputs, "trial rows")
        except DataError:  # they are ordinary
            raise UntrustedFileError(
                f"the model's weights are so large that {dtype} overflows with ordinary rows; "
                "train the model again, at a lower learning rate"
            ) from None
        predictor.predict(transform.net_inputs(inputs, trial.lengths, dtype), trial.lengths)


def _checked_layout(
    target: Target, layout: str | None
) -> Callable[[str, Source, Contents], Contents] | None:
    """Return what makes the folder of a layout; None without a layout."""
    if layout is None or layout in target.folders:
        return None if layout is None else target.folders[layout]
    if not target.folders:
        having = [name for name in TARGETS if target_named(name).folders]
        raise OptionError(f"--layout: --to {target.name} has none; use --to {' or '.join(having)}")
    raise OptionError(
        f"--layout: unknown {printable(layout, 40)}; expected {' or '.join(target.folders)}"
        f"{did_you_mean(layout, target.folders)}"
    )


def _named(output: Path, ending: str) -> tuple[Path, Path]:
    """Return the file or the folder that is asked for, and to what endings are added."""
    if output.name in ("", "..") or (ending and output.is_dir()):
        raise OptionError(f"--output: {printable(output)} is a folder; name what to write in it")
    if not ending:
        return output, output
    if output.suffix.lower() != ending:
        return output.with_name(output.name + ending), output
    return output, output.with_name(output.name.removesuffix(output.suffix))


def _earlier_facts(path: Path) -> Facts | None:
    """Return the facts in the JSON file of an earlier export; None if the file is not of one."""
    try:
        facts = json.loads(path.read_bytes()) if path.is_file() else None
    except (OSError, ValueError):
        return None
    return cast(Facts, facts) if isinstance(facts, dict) and SHA in facts else None


def _check_files(paths: list[Path], force: bool, named: Path) -> None:
    """Refuse files that exist or cannot be written (`OptionError`).

    Also with `force`, if they belong to a run, or lie beside the one that is named without being
    of an earlier export.
    """
    for path in paths:
        check_output(path)
        if not os.path.lexists(path):
            continue
        if not force:
            raise OptionError(
                f"--output: {printable(path)} already exists; add --force to replace it"
            )
        foreign = path != named and path.suffix == ".json" and _earlier_facts(path) is None
        if is_own_file(path) or not path.is_file() or foreign:
            raise OptionError(
                f"--output: {printable(path)} exists, and is not of an earlier export; name "
                "another file"
            )


def _check_folder(folder: Path, earlier: bool, force: bool) -> None:
    """Refuse a folder that exists, with `force` only if it is not an `earlier` export."""
    if not os.path.lexists(folder):
        check_output(folder)
    elif not force:
        raise OptionError(
            f"--output: {printable(folder)} already exists; add --force to replace it"
        )
    elif not earlier:
        raise OptionError(
            f"--output: {printable(folder)} exists, and is not an earlier export; name another "
            "folder"
        )


def _checked_weights(target: Target, weights: str | None, model: FittedModel) -> str:
    if model.integer is not None:
        if weights not in (None, "int8"):
            raise OptionError("--weights: those of this model are int8; leave out the option")
        return "int8"
    if weights is None and target.default_weights is not None:
        return target.default_weights(model)
    weights = weights or target.weights[0]
    if weights not in target.weights:
        raise OptionError(
            f"--weights: --to {target.name} stores {' or '.join(target.weights)}, not "
            f"{printable(weights, 40)}"
        )
    return weights


def _tried(target: Target, source: Source, contents: Contents) -> tuple[float, float, int, str]:
    """Return the largest difference, its limit, the number of rows and what computed them.

    Raises
    ------
    DataError
        If the difference is larger than the limit.
    """
    trials = source.trials
    ahead = source.trial_ahead if target.forecasts else None
    scale = scale_of(source.model, trials if ahead is None else [*trials, ahead])
    largest, spare, computed_by, wrong = dict[str, float](), 0.0, "", None
    for trial in (*trials, *filter(None, [ahead])):
        run = target.run(source, contents, trial)
        found = trial.masked(run.answers)
        computed_by = run.computed_by
        spare = max(spare, float_rounding(run.answers, trial.answers, scale))
        off = differences(found, trial.answers)
        if trial.stream is not None and run.stream is not None:
            stream = differences(run.stream, trial.stream)
            off = {name: max(value, stream.get(name, 0.0)) for name, value in off.items()}
        largest = {name: max(value, largest.get(name, 0.0)) for name, value in off.items()}
        if np.isfinite(max(off.values())):
            wrong = wrong or differs_in_one(found, trial.answers, source.model, target.limit)
    limits = dict.fromkeys(largest, target.limit * scale + spare)
    if any(np.isfinite(off) and off > limits[name] for name, off in largest.items()):
        sizes = magnitudes(source.program, trials)
        for name in limits:
            size = sizes.get(name, sizes.get("y", 0.0) if source.program.ahead else 0.0)
            limits[name] = max(limits[name], target.limit * size + spare)
    worst = max(largest, key=lambda name: largest[name] / limits[name])
    difference, limit = largest[worst], limits[worst]
    if not difference <= limit:
        raise DataError(
            f"--to {target.name}: nothing was written: an answer differs by {difference:.3g} from "
            f"the model's, computed by {computed_by}, and {limit:.3g} is allowed; use --to python, "
            "which computes in float64"
        )
    if wrong is not None:
        raise DataError(
            f"--to {target.name}: nothing was written: {wrong} differs from the model's by more "
            f"than a hundredth of what it spans, computed by {computed_by}; use --to python, which "
            "computes in float64"
        )
    return difference, limit, sum(len(trial.X) for trial in trials), computed_by
