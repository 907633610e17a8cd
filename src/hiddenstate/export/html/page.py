"""Builds the page: the weights, the interpreter in JavaScript, and what a reader plays with."""

from dataclasses import replace
from importlib.resources import files
from string import Template
from typing import Any

import numpy as np

from hiddenstate.export.html.node import answers_of
from hiddenstate.export.html.view import ViewData, view_data
from hiddenstate.export.program import convolution_of, norm_factor, plain
from hiddenstate.export.python.file import packed
from hiddenstate.export.target import Contents, Run, Source, Target, holds_all
from hiddenstate.export.trial import Trial
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Params
from hiddenstate.program.layers import NORM_EPS
from hiddenstate.report.html import page as report_page
from hiddenstate.report.html import tags
from hiddenstate.report.html.packing import encoded
from hiddenstate.report.html.palette import base_style
from hiddenstate.report.html.scripts import joined
from hiddenstate.version import __version__

REPORT = ("report/html/theme.js", "report/html/pixels.js")
"""Modules of the report that the page uses too."""

SCRIPTS = {
    "pictures": ("charts", "page", "play", "answer", "chances", "draw", "pictures"),
    "signals": (
        *("charts", "page", "play", "answer", "chances"),
        *("table", "texts", "lanes", "signals"),
    ),
    "waves": ("charts", "page", "play", "table", "texts", "lanes", "waves"),
    "codes": ("charts", "page", "table", "texts", "draw", "codes"),
}
"""The modules of a page by what a reader plays with, each after those that it imports; `net` comes
before them in a script of its own, and `fixed` if there are fixed convolutions."""

HALF_FROM = 100_000
"""Numbers of an autoencoder from which weights are float16 by default, to halve the page."""

CONVOLUTION = ".conv.weight"
"""How the names of convolutions end."""

CHANGE_LIMIT = 0.01
"""Largest change of an answer by rounded weights, as a share of its scale."""


def build(source: Source) -> Contents:
    """Return the page."""
    kinds = ("<f2", "<f4") if source.weights == "float16" else ("<f4",)
    view = view_data(source)
    data = {
        "program": packed(program_data(source), kinds),
        "about": source.facts,
        "view": view,
    }
    css = f"{base_style()}\n{_asset('page.css')}"
    fixed = () if source.program.convolutions is None else ("fixed",)
    interpreter = _names("packed", "linear", "net", *fixed)
    net = joined(interpreter)
    script = joined(REPORT + _names(*SCRIPTS[view["kind"]]), interpreter)
    page = Template(_asset("page.html")).substitute(
        policy=report_page.policy(css, net, script),
        version=tags.text(__version__),
        name=tags.text(source.name),
        title=tags.text(_title(source)),
        kind=view["kind"],
        style=css,
        body=_asset(f"{view['kind']}.html").replace("$PLAY", tags.PLAY),
        about=tags.terms(_about(source, view)),
        data=tags.inert_json(data),
        net=net,
        script=script,
    )
    return {".html": page.encode()}


def program_data(source: Source) -> dict[str, Any]:
    """Return the program as values and arrays that the page stores.

    Convolutions have weights (k, C, inputs) and, apart, the factors of their normalisation:
    products would take 8 bytes each. Of members without a share in the answer there is one, whose
    state is shown.
    """
    program: dict[str, Any] = plain(source.program)
    path = program["convolutions"]
    if path is not None:
        uses = np.ascontiguousarray(path["uses"], np.uint8)
        path["uses"] = {"dtype": "|u1", "shape": list(uses.shape), "base64": encoded(uses)}
        program["nets"] = program["nets"][: None if path["net_share"] else 1]
    for number, net in enumerate(program["nets"]):
        params = source.model.member(number).params
        for place, layer in enumerate(net["stem"]):
            layer["weight"] = params[f"stem.{place}{CONVOLUTION}"].transpose(2, 0, 1)
            layer["scale"] = norm_factor(params, f"stem.{place}")
    return program


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8").strip()


def _names(*modules: str) -> tuple[str, ...]:
    """Return modules of this folder as `joined` names them."""
    return tuple(f"export/html/{module}.js" for module in modules)


def _title(source: Source) -> str:
    """Return what the model is, such as `classify: LSTM, 64 units`."""
    program = source.program
    if program.job == "autoencode":
        widths = [layer.weight.shape[1] for layer in program.encoder]
        widths.append(len(program.encoder[-1].bias))
        return f"autoencode: {'-'.join(str(width) for width in widths)}"
    net = program.nets[0]
    cell = "RNN" if net.cell.startswith("rnn") else net.cell.upper()
    words = [f"{net.layers[0][0].hidden_weight.shape[1]} units"]
    if len(net.layers) > 1:
        words.append(f"{len(net.layers)} layers")
    if len(net.layers[0]) > 1:
        words.append("both directions")
    if net.stem:
        words.append(f"{len(net.stem)} convolutions")
    if len(program.nets) > 1:
        words.append(f"{len(program.nets)} members")
    if program.convolutions is not None:
        words.append("fixed convolutions")
    return f"{program.job}: {cell}, {', '.join(words)}"


def _about(source: Source, view: ViewData) -> list[tuple[str, str]]:
    """Return the facts that are shown in words."""
    facts = source.facts
    pairs = [
        ("numbers", f"{source.model.net.n_parameters():,}, stored as {source.weights}"),
        ("SHA-256 of the model", facts["model_sha256"]),
        ("inputs", facts["pixels"] or facts["units"]["inputs"]),
        ("answers", facts["units"]["answers"]),
        ("missing values", facts["preparation"]["missing"]),
    ]
    if path := source.program.convolutions:
        share = f"the network has a share of {path.net_share:.0%} in the answer"
        pairs.insert(1, ("fixed convolutions", f"{len(path.biases):,} features; {share}"))
    if facts["columns"]:
        pairs.insert(2, ("columns", ", ".join(view["columns"])))
    if facts["targets"]:
        pairs.insert(2, ("targets", ", ".join(view["targets"])))
    if facts["encodings"]:
        pairs.append(("text and dates", "encoded as the JSON file beside this page says"))
    return pairs


def stored(model: FittedModel, weights: str) -> FittedModel:
    """Return a model with its weights as the page stores them; those of a convolution are rounded
    after its normalisation is folded into them."""
    if weights != "float16":
        return model
    params = dict(model.params)
    for name in model.params:
        if name.endswith(CONVOLUTION):
            params |= _folded(params, name.removesuffix(CONVOLUTION))
    with np.errstate(over="ignore"):
        rounded = {
            name: array if ".norm." in name else array.astype(np.float16).astype(np.float64)
            for name, array in params.items()
        }
    return replace(model, params=rounded)


def _folded(params: Params, layer: str) -> Params:
    """Return the arrays of a convolution whose normalisation changes nothing."""
    folded = convolution_of(params, layer)
    ones = np.ones(len(folded.bias))
    return {
        f"{layer}.conv.weight": folded.weight,
        f"{layer}.conv.bias": folded.bias,
        f"{layer}.norm.weight": ones,
        f"{layer}.norm.bias": ones * 0,
        f"{layer}.norm.running_mean": ones * 0,
        f"{layer}.norm.running_var": ones - NORM_EPS,
    }


def default_weights(model: FittedModel) -> str:
    """Return how weights are stored: those of large autoencoders in float16."""
    large = model.net.n_parameters() > HALF_FROM
    return "float16" if model.net.job == "autoencode" and large else "float32"


def run(source: Source, contents: Contents, trial: Trial) -> Run:
    """Return what the page answers to a trial."""
    return answers_of(contents[".html"].decode(), trial)


TARGET = Target(
    "html",
    ".html",
    1e-9,
    ("float32", "float16"),
    holds_all,
    build,
    run,
    stored=stored,
    default_weights=default_weights,
    change_limit=CHANGE_LIMIT,
    wide_inputs=True,
)
