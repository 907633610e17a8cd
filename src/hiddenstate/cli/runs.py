"""The commands that list and compare: runs, compare, doctor."""

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hiddenstate import __version__
from hiddenstate.cli.options import debug_option, json_option, runs_dir_option
from hiddenstate.cli.output import note, note_damage, say, say_json, table

if TYPE_CHECKING:
    from hiddenstate.runs import Run


@click.command(
    help="List the runs: job, data, state, best figure, when.\n\n\b\nExample:\n  hiddenstate runs"
)
@json_option
@runs_dir_option
@debug_option
def runs(as_json: bool, runs_dir: Path) -> None:
    """The command `runs`."""
    from hiddenstate.errors import MachineError, UntrustedFileError
    from hiddenstate.runs import list_runs

    listed = list_runs(runs_dir, lambda why: note(f"warning: {why}"))
    found = []
    for run in listed:
        try:
            note_damage(run)
            found.append(_summary(run))
        except (MachineError, UntrustedFileError) as error:  # the others can be read all the same
            note(f"warning: {error}")
    if as_json:
        say_json({"runs": found})
    elif not found:
        note(f"no runs in {runs_dir}; start one with `hiddenstate classify`")
    else:
        table(list(found[0]), [[str(value) for value in row.values()] for row in found])


def _summary(run: "Run") -> dict[str, Any]:
    """A run in one row."""
    from hiddenstate.errors import printable

    return {
        "run": printable(run.name),
        "job": run.config.job,
        "data": printable(run.data_fact("name")),
        "state": run.status(),
        "best": _best(run),
        "when": run.started(),
    }


def _best(run: "Run") -> str:
    """The headline figure of a finished run, or the best logged figure so far."""
    from hiddenstate.metrics.headline import headline
    from hiddenstate.runs.events import figures_of

    results = run.results() or {}
    key = headline(run.config.job, results)
    if key in results:
        return f"{key} {results[key]:.4g}"
    logged = [figures_of(event) for event in run.history() if event["event"] == "log"]
    scored = [event[key] for event in logged if key in event]
    if scored:
        best = max(scored) if key == "test_accuracy" else min(scored)
        return f"{key} {best:.4g}"
    return f"loss {min(event['mean_loss'] for event in logged):.4g}" if logged else ""


@click.command(
    short_help="Set runs side by side.",
    help="Set runs side by side: the options that differ, and the figures.\n\n\b\nExample:\n"
    "  hiddenstate compare classify-1 classify-2",
)
@click.argument("names", nargs=-1, required=True, metavar="RUN RUN...")
@json_option
@runs_dir_option
@debug_option
def compare(names: tuple[str, ...], as_json: bool, runs_dir: Path) -> None:
    """The command `compare`."""
    from hiddenstate.errors import printable
    from hiddenstate.runs import find_run

    found = [find_run(name, runs_dir) for name in names]
    columns = []
    for run in found:
        note_damage(run)
        facts = {"job": run.config.job, "state": run.status(), **run.config.flat()}
        columns.append((facts, {**(run.results() or {}), "seconds": run.seconds()}))
    keys = list(dict.fromkeys(key for facts, _ in columns for key in facts))
    differing = [k for k in keys if len({str(facts.get(k)) for facts, _ in columns}) > 1]
    measured = list(dict.fromkeys(key for _, results in columns for key in results))
    rows = [[key, *(facts.get(key) for facts, _ in columns)] for key in differing]
    rows += [[key, *(results.get(key) for _, results in columns)] for key in measured]
    if as_json:
        say_json(
            {
                "runs": [str(run.path) for run in found],
                **{str(key): list(values) for key, *values in rows},
            }
        )
        return
    shown = [
        [
            f"{cell:.6g}" if isinstance(cell, float) else printable("" if cell is None else cell)
            for cell in row
        ]
        for row in rows
    ]
    table(["", *(run.name for run in found)], shown)


@click.command(
    short_help="Say what the program finds here.",
    help="Say what the program finds here: versions, threads, devices, display.\n\n\b\nExample:\n"
    "  hiddenstate doctor",
)
@json_option
@debug_option
def doctor(as_json: bool) -> None:
    """The command `doctor`."""
    facts = _diagnosis()
    if as_json:
        say_json(facts)
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        say(f"{name:<{width}}  {value}")


def _diagnosis() -> dict[str, Any]:
    from importlib.metadata import PackageNotFoundError, version

    from hiddenstate.data.bundled.mnist import load_mnist
    from hiddenstate.errors import HiddenstateError
    from hiddenstate.kernels import processors
    from hiddenstate.system.memory import bytes_free
    from hiddenstate.views.window import display_missing

    facts: dict[str, Any] = {"hiddenstate": __version__, "python": platform.python_version()}
    facts["system"] = f"{platform.system()} {platform.release()} {platform.machine()}"
    for name in ("numpy", "torch", "scikit-learn", "safetensors", "matplotlib", "rich", "click"):
        try:
            facts[name] = version(name)
        except PackageNotFoundError:
            facts[name] = f"missing; pip install {name}"
    facts["processors"] = processors()
    free = bytes_free()
    facts["memory free"] = "unknown" if free is None else f"{free / 2**30:.1f} GiB"
    facts |= _kernel_facts() | _torch_facts()
    facts["display"] = display_missing() or "yes, --view window works"
    try:
        dataset = load_mnist()
        facts["bundled MNIST"] = f"sound, {len(dataset.X):,} + {len(dataset.X_test):,} images"
    except HiddenstateError as error:
        facts["bundled MNIST"] = str(error)
    return facts


def _kernel_facts() -> dict[str, Any]:
    from hiddenstate.errors import HiddenstateError
    from hiddenstate.kernels import VARIABLE, default_threads, level, levels, why_not

    try:
        in_use, reason = level(), why_not()
    except HiddenstateError as error:
        return {"engine": f"none: {error}"}
    if in_use is None:
        return {"engine": f"torch; no native kernels: {reason}"}
    return {
        "engine": f"native, {in_use} (of {', '.join(levels())}; {VARIABLE} forces one)",
        "native threads": default_threads(),
    }


def _torch_facts() -> dict[str, Any]:
    try:
        import torch
    except ImportError as error:
        return {"devices": f"torch cannot be imported: {error}"}
    from hiddenstate.engines.torch import pick_device

    devices = ["cpu"]
    if torch.cuda.is_available():
        devices.append(f"cuda ({torch.cuda.get_device_name()})")
    if torch.backends.mps.is_available():
        devices.append("mps")
    return {
        "torch threads": torch.get_num_threads(),
        "devices": ", ".join(devices),
        "auto device": pick_device("auto").type,
    }
