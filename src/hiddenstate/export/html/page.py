"""Builds the page: the weights, the interpreter in JavaScript, and what a reader plays with."""

import json
import re
from base64 import b64decode
from dataclasses import replace
from functools import cache
from importlib.resources import files
from string import Template

import numpy as np

from hiddenstate.errors import count
from hiddenstate.export.html.node import DRIVER, answers_of, data_text
from hiddenstate.export.html.view import ViewData, view_data
from hiddenstate.export.html.why import why_scripts, why_view
from hiddenstate.export.python.file import packed
from hiddenstate.export.target import (
    Contents,
    Run,
    Source,
    Target,
    holds_all,
    in_integers,
    kinds_of,
)
from hiddenstate.export.trial import Trial
from hiddenstate.inference.evaluate import answer_of_model
from hiddenstate.metrics.answer import NETWORK
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Params
from hiddenstate.program.cells import CELLS
from hiddenstate.program.companions import FixedConvolutions
from hiddenstate.program.equations import NORM_EPS
from hiddenstate.program.integers import (
    Dequantise,
    IntegerBeside,
    IntegerConvolution,
    IntegerDense,
    IntegerPool,
    IntegerReadout,
    IntegerRecurrent,
    Quantise,
)
from hiddenstate.program.layers import (
    Beside,
    Convolution,
    Dense,
    Norm,
    Pool,
    Readout,
    Recurrent,
)
from hiddenstate.program.lowering import mapped, norm_factor
from hiddenstate.program.program import Program
from hiddenstate.program.steps import (
    Change,
    Fill,
    Forecast,
    Fractions,
    Logarithm,
    Mask,
    Quantiles,
    Scale,
    TargetScale,
    WindowScale,
)
from hiddenstate.program.words import COMPANIONS
from hiddenstate.system.typing import Array
from hiddenstate.version import __version__
from hiddenstate.web import tags
from hiddenstate.web.joining import joined, ordered, trimmed, without
from hiddenstate.web.joining import source as source_of_script
from hiddenstate.web.palette import style_of, used_style
from hiddenstate.web.policy import policy


@cache
def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8").strip()


NET_SCRIPTS: dict[type | str, str] = {Convolution: "stem", "lru": "lru", Quantise: "integers"}
"""The modules of layers and of cells that few nets have."""

COMPANION_SCRIPTS: dict[type, str] = {FixedConvolutions: "fixed"}
"""The module that computes a companion."""

_CELLS = source_of_script("web/cells.js")

KINDS: frozenset[type | str] = frozenset(
    {
        *(Fractions, Quantiles, Logarithm, Fill, Scale, Mask, Forecast, WindowScale, TargetScale),
        Change,
        *(Dense, Convolution, Norm, Pool, Recurrent, Beside, Readout),
        *(Quantise, Dequantise, IntegerDense, IntegerConvolution, IntegerPool, IntegerRecurrent),
        *(IntegerBeside, IntegerReadout),
        *NET_SCRIPTS,
        *(cell for cell in CELLS if re.search(f"^  {cell}\\W", _CELLS, re.MULTILINE)),
        *COMPANION_SCRIPTS,
    }
)
"""The kinds in the tables of `steps.js`, `cells.js`, `lru.js`, `net.js`, `stem.js`, `integers.js`,
`fixed.js`."""

NAMES = frozenset(kind if isinstance(kind, str) else kind.__name__ for kind in KINDS)
"""Their names."""

HALF_FROM = 100_000
"""Numbers of an autoencoder from which weights are float16 by default, to halve the page."""

IN_INTEGERS = "in integers"
"""What a net is called that computes so."""

OF_FLOATS = (
    '<span class="help">Integers have no gradient: this is of the same net in floats.</span></div>'
)
"""What a page says of "Why?" of a net in integers."""

WITH_WHY = ("pictures", "signals", "sounds", "waves", "forecasts", "forms")
"""The kinds of pages that say what an answer rests on."""

FEW = 24
"""Numbers of a row that have a slider and a bar each."""

MOST_SILENT = 100_000
"""Numbers of members without a share in the answer up to which all of them are in the page."""

CONVOLUTION = ".conv.weight"
"""How the names of convolutions end."""

CHANGE_LIMIT = 0.01
"""Largest change of an answer by rounded weights, as a share of its scale."""


def build(source: Source) -> Contents:
    """Return the page."""
    kinds = ("<f2", "<f4") if source.weights == "float16" else ("<f4",)
    view = view_data(source)
    reasons = why_view(source) if view["kind"] in WITH_WHY else None
    data = {
        "program": packed(program_of_page(source), kinds),
        "about": source.facts,
        "view": view,
        "why": reasons,
    }
    ahead = ["ahead"] if source.program.ahead is not None else []
    beside = [COMPANION_SCRIPTS[type(each)] for each in source.program.companions]
    own = net_scripts(source.program)
    why = why_scripts(source.program) if view["kind"] in WITH_WHY else []
    modules = ("packed", "net", *own, *beside, *ahead, *why)
    there = {kind if isinstance(kind, str) else kind.__name__ for kind in kinds_of(source.program)}
    there |= {name.removeprefix("Integer") for name in there}  # which call these, for "Why?"
    css, net, script = _style_and_scripts(_script_of(view), modules, frozenset(NAMES - there))
    body = _body(source, view)
    about = tags.terms(_about(source, view))
    css = used_style(css, f"{_asset('page.html')}{view['kind']}{body}{about}{script}")
    page = Template(_asset("page.html")).substitute(
        first=tags.head(source.name, css, policy(css, net, script)),
        version=tags.text(__version__),
        name=tags.text(source.name),
        title=tags.text(_title(source)),
        kind=view["kind"],
        body=body,
        about=about,
        data=tags.inert_json(data),
        net=net,
        script=script,
    )
    return {".html": page.encode()}


def _script_of(view: ViewData) -> str:
    """Return the script of a page: that of codes depends on what rows are."""
    if view["kind"] != "codes":
        return view["kind"]
    if view["picture"]:
        return "code_pictures"
    if view["sound"]:
        return "code_sounds"
    return "code_fields" if len(view["columns"]) <= FEW else "code_curves"


@cache
def _style_and_scripts(
    first: str, modules: tuple[str, ...], absent: frozenset[str]
) -> tuple[str, str, str]:
    """Return the style of a kind of page, and its scripts: the interpreter, without the kinds that
    are `absent` of its program, and what shows it."""
    interpreter = ordered(f"web/{name}.js" for name in modules)
    own = ordered([f"export/html/{first}.js"], interpreter)
    script = trimmed(joined(own, interpreter))
    net = trimmed(without(joined(interpreter), sorted(absent)), script + DRIVER)
    return style_of(_asset("page.css"), *(["row_form"] if first == "forms" else [])), net, script


def net_scripts(program: Program) -> list[str]:
    """Return the modules that the nets of a program need besides `net`."""
    kinds = kinds_of(program)
    return [script for kind, script in NET_SCRIPTS.items() if kind in kinds]


def program_of_page(source: Source) -> Program:
    """Return what the page stores of a program: of large members without a share in the answer one,
    whose state is shown."""
    program = source.program
    silent = any(companion.share == 0 for companion in program.companions)
    large = source.model.net.n_parameters() > MOST_SILENT
    return replace(program, nets=program.nets[:1]) if silent and large else program


def _body(source: Source, view: ViewData) -> str:
    """Return what is in the page, with what its second layer of answers is called."""
    n, stored = len(source.program.nets), len(program_of_page(source).nets)
    alone = f"{NETWORK} alone" if n == stored else f"one of its {n} networks alone"
    names = "LOAD", "TIME", "WHY", "ANSWER"
    parts = {name: _asset(f"{name.lower()}.html") for name in names}
    parts |= {"PLAY": tags.PLAY, "ALONE": tags.text(alone)}
    if in_integers(source.program):
        parts["WHY"] = parts["WHY"].replace("</div>", OF_FLOATS)
    body = _asset(f"{view['kind']}.html")
    for name, part in parts.items():
        body = body.replace(f"${name}", part)
    return body


def _title(source: Source) -> str:
    """Return who answers and what the network is: `classify: LSTM, 64 units`, or `classify: fixed
    convolutions; the network (LSTM, 64 units) does not answer`."""
    network, job, answer = _network(source), source.program.job, answer_of_model(source.model)
    if not answer.beside:
        return f"{job}: {network}"
    if not answer.by_net:
        return f"{job}: {answer.who.removeprefix('the ')}; {NETWORK} ({network}) does not answer"
    return f"{job}: {answer.who.replace(NETWORK, f'{NETWORK} ({network})', 1)}"


def _network(source: Source) -> str:
    """Return what the network is, such as `LSTM, 64 units`."""
    program = source.program
    if program.kind.has_codes:
        sizes = "-".join(map(str, source.model.net.widths()))
        return f"{sizes}, {IN_INTEGERS}" if in_integers(program) else sizes
    config = source.model.net.recurrent
    title = source.model.net.cell.title.partition(" (")[0]
    words = [f"{config.hidden_size} units"]
    if source.model.net.n_states:
        words.append(f"{source.model.net.n_states} complex states")
    if config.rank:
        words.append(f"rank {config.rank}")
    if config.layers > 1:
        words.append(f"{config.layers} layers")
    if config.bidirectional:
        words.append("both directions")
    if config.stem:
        words.append(f"{len(config.stem_channels)} convolutions")
    if len(program.nets) > 1:
        words.append(f"{len(program.nets)} members")
    words += [IN_INTEGERS] if in_integers(program) else []
    return f"{title}, {', '.join(words)}"


def _about(source: Source, view: ViewData) -> list[tuple[str, str]]:
    """Return the facts that are shown in words."""
    facts = source.facts
    pairs = [
        *_numbers(source),
        ("SHA-256 of the model", facts["model_sha256"]),
        ("inputs", facts["pixels"] or facts["units"]["inputs"]),
        ("answers", facts["units"]["answers"]),
        ("missing values", facts["preparation"]["missing"]),
    ]
    for companion in source.program.companions:
        title = COMPANIONS[type(companion)].title
        share = f"the network has a share of {companion.share:.0%} in the answer"
        pairs.insert(1, (title, f"{companion.size:,} features; {share}"))
    if facts["columns"]:
        pairs.insert(2, ("columns", ", ".join(view["columns"])))
    if facts["targets"]:
        pairs.insert(2, ("targets", ", ".join(view["targets"])))
    if facts["encodings"]:
        pairs.append(("text and dates", "encoded as the JSON file beside this page says"))
    return pairs


def _numbers(source: Source) -> list[tuple[str, str]]:
    """Return how many numbers a net has, and how they are stored and computed with."""
    n = f"{source.model.net.n_parameters():,}"
    calibration = source.model.integer
    if calibration is None:
        return [("numbers", f"{n}, stored as {source.weights}")]
    weights, others = bytes_of(source.program)
    bits = calibration.state_bits
    return [
        ("numbers", f"{n}: weights in {weights:,} bytes, biases and scales in {others:,}"),
        ("arithmetic", f"integers: weights of 8 bits, inputs and state of {bits}, sums of 32"),
    ]


def bytes_of(program: Program) -> tuple[int, int]:
    """Return how many bytes a page stores for the weights of a net in integers, and for the other
    numbers of its products."""
    weights = others = 0

    def add(array: Array) -> Array:
        nonlocal weights, others
        if array.ndim > 1:
            weights += array.size
        else:
            others += len(b64decode(packed(array)["base64"]))
        return array

    mapped((program.nets, program.decoder), add)
    return weights, others


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
    names = ("running_mean", "running_var", "weight", "bias")
    mean, variance, scale, shift = (params[f"{layer}.norm.{n}"].astype(np.float64) for n in names)
    norm = Norm(mean, variance, scale, shift)
    weight, bias = params[f"{layer}.conv.weight"], params[f"{layer}.conv.bias"]
    factor, ones = norm_factor(norm), np.ones(len(bias))
    return {
        f"{layer}.conv.weight": weight * factor[:, None, None],
        f"{layer}.conv.bias": (bias - norm.mean) * factor + norm.shift,
        f"{layer}.norm.weight": ones,
        f"{layer}.norm.bias": ones * 0,
        f"{layer}.norm.running_mean": ones * 0,
        f"{layer}.norm.running_var": ones - NORM_EPS,
    }


def default_weights(model: FittedModel) -> str:
    """Return how weights are stored: those of large autoencoders in float16."""
    large = model.net.n_parameters() > HALF_FROM
    return "float16" if model.net.kind.has_codes and large else "float32"


def remark(contents: Contents) -> str:
    """Return how many rows of its run a page holds, and whether it cannot say what answers rest
    on."""
    data = json.loads(data_text(contents[".html"].decode()))
    view = data["view"]
    silent = data["why"] is None and view["kind"] in WITH_WHY
    lacking = "the page has no Why?: a cell of the model has no gradient there" if silent else ""
    return "; ".join(filter(None, (_held(view), lacking)))


def _held(view: ViewData) -> str:
    """Return what a page holds of the data of its run; "" if nothing."""
    if view["forecast"]:
        series = view["forecast"]["fans"]["series"]
        read = [end["shape"][0] if end else 0 for end in view["forecast"]["ends"]]
        steps = max(*read, *(len(each["past"][0]) for each in series))
        held = f"the last {count(steps, 'step')} of {len(series)} series"
    elif view["form"]:
        if not view["form"]["own"]:
            return ""
        held = count(view["form"]["rows"]["shape"][0], "row")
    elif view["rows"]:
        held = count(view["rows"]["shape"][0], "row")
    else:
        return ""
    return f"the page holds {held} of the data of the run; the model file exports without them"


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
    forecasts=True,
    remark=remark,
    kinds=KINDS,
)
