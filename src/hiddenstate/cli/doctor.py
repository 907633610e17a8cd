"""The command doctor: versions, processors, devices and display of this machine."""

import platform
from typing import Any

import click

from hiddenstate.cli.options import debug_option, json_option
from hiddenstate.cli.output import say, say_json
from hiddenstate.system.extras import EXTRAS, command, is_installed
from hiddenstate.version import __version__

BASELINE = {"x86_64": "SSE2", "AMD64": "SSE2", "aarch64": "NEON", "arm64": "NEON"}
"""The instructions of the level `baseline`, by processor."""

PACKAGES = ("numpy", "scikit-learn", "safetensors", "matplotlib", "rich", "click")


@click.command(
    help="Report versions, threads, devices and display of this machine, and whether the bundled "
    "data is intact.\n\n\b\nExample:\n  hiddenstate doctor",
)
@json_option
@debug_option
def doctor(as_json: bool) -> None:
    """The command `doctor`."""
    facts = _machine_facts() | _kernel_facts() | _torch_facts() | _view_and_data_facts()
    if as_json:
        say_json(facts)
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        say(f"{name:<{width}}  {value}")


def _machine_facts() -> dict[str, Any]:
    """Versions, processors and free memory."""
    from importlib.metadata import PackageNotFoundError, version

    from hiddenstate.kernels import processors
    from hiddenstate.system.memory import bytes_free

    facts: dict[str, Any] = {"hiddenstate": __version__, "python": platform.python_version()}
    facts["system"] = f"{platform.system()} {platform.release()} {platform.machine()}"
    for name in PACKAGES:
        try:
            facts[name] = version(name)
        except PackageNotFoundError:
            facts[name] = f"missing; pip install {name}"
    for module in EXTRAS:
        missing = f"not installed; {command(module)}"
        facts[module] = _version(module) if is_installed(module) else missing
    facts["processors"] = processors()
    free = bytes_free()
    facts["memory free"] = "unknown" if free is None else f"{free / 2**30:.1f} GiB"
    return facts


def _version(module: str) -> str:
    """The version of a module that is installed, perhaps by a package of another name."""
    from importlib.metadata import PackageNotFoundError, packages_distributions, version

    try:
        return version(module)
    except PackageNotFoundError:  # mlflow may be of mlflow-skinny, onnxruntime of onnxruntime-gpu
        packages = packages_distributions().get(module)
        return f"{version(packages[0])}, of {packages[0]}" if packages else "of no known package"


def _view_and_data_facts() -> dict[str, Any]:
    """Whether a window can be opened, and the bundled data read."""
    from hiddenstate.data.bundled.mnist import load_mnist
    from hiddenstate.errors import HiddenstateError
    from hiddenstate.views.window import display_missing

    facts: dict[str, Any] = {"display": display_missing() or "yes, --view window works"}
    try:
        dataset = load_mnist()
        facts["bundled MNIST"] = f"sound, {len(dataset.X):,} + {len(dataset.X_test):,} images"
    except HiddenstateError as error:
        facts["bundled MNIST"] = str(error)
    return facts


def _kernel_facts() -> dict[str, Any]:
    """The engine that `--engine auto` chooses on the CPU."""
    from hiddenstate.errors import HiddenstateError
    from hiddenstate.kernels import VARIABLE, default_threads, level, levels, why_not

    try:
        in_use, reason = level(), why_not()
    except HiddenstateError as error:
        return {"engine": f"none: {error}"}
    if in_use is None:
        other = "torch" if is_installed("torch") else "none for training; numpy, slow, to predict"
        return {"engine": f"{other}; no native kernels: {reason}"}
    names = {"baseline": f"baseline, {BASELINE.get(platform.machine(), 'plain')}"}
    return {
        "engine": f"native, {names.get(in_use, in_use)} (available: {', '.join(levels())}; "
        f"{VARIABLE} selects one)",
        "native threads": default_threads(),
    }


def _torch_facts() -> dict[str, Any]:
    """The devices torch can use."""
    if not is_installed("torch"):
        return {"devices": "cpu"}
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: a library that torch loads
        return {"devices": f"cpu; torch cannot be imported: {error}"}
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
        "data parallel": _break_even(),
    }


def _break_even() -> str:
    """When several hosts train faster than this one."""
    from hiddenstate.errors import HiddenstateError
    from hiddenstate.scale.break_even import measured_rate, summary

    try:
        return summary(measured_rate())
    except (HiddenstateError, MemoryError) as error:
        return f"not measured: {error}"
