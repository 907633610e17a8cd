"""Loads damaged model files; each must give a valid model or a one-line error.

    nice -n 10 python -m tools.stress.model_files [--n 100000] [--seed 0] [--model NAME]
    python -m tools.stress.model_files --model NAME --at 123    # one file again, with its traceback

A quarter of the files has random damage, a quarter a damaged JSON header. The rest have other facts
or arrays under a new, correct hash, which the hash cannot detect: if such a file loads, its model
must predict. Some files are pickles that would run code. Findings are those of `data_files.py`, and
also: a file without a correct hash that loads as another model, any code run from a file, and a
prediction that is not finite. `state_dict` is the format that `--weights` reads, which has no hash.
"""

import argparse
import contextlib
import copy
import hashlib
import io
import json
import os
import pickle
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import safetensors.numpy

from hiddenstate import Autoencoder, RecurrentClassifier, RecurrentRegressor, load
from hiddenstate.models.weight_file import read_weights
from tools.stress import mutations
from tools.stress.data_files import Fuzz, Outcome, again, table, watched
from tools.stress.mutations import Random

KINDS = ("model", "DataError", "OptionError", "MachineError", "UntrustedFileError")

ROWS = np.random.default_rng(1).normal(size=(24, 5, 2))

MODELS: dict[str, Callable[[], Any]] = {
    "classifier": lambda: RecurrentClassifier(
        hidden_size=3, max_steps=2, threads=1, scale="standard", missing="mask"
    ).fit(ROWS, np.array(["p", "q", "r"] * 8)),
    "regressor": lambda: RecurrentRegressor(
        cell="gru", hidden_size=3, max_steps=2, threads=1, stateful=True, output="steps"
    ).fit(ROWS, ROWS[:, :, :1]),
    "integers": lambda: RecurrentClassifier(
        hidden_size=9, max_steps=8, threads=1, quantize="int8", sparsity=0.8
    ).fit(ROWS, np.array(["p", "q", "r"] * 8)),
    "autoencoder": lambda: Autoencoder((4,), 2, max_steps=2, threads=1).fit(ROWS[:, :, 0]),
    "state_dict": lambda: RecurrentClassifier(hidden_size=3, max_steps=2, threads=1).fit(
        ROWS, np.array([1, 2, 3] * 8)
    ),
}

RAN = "ran"
"""The file that code in a model file would create in its folder."""


# --- ways to damage a model file


def blindly(data: bytes, random: Random, place: Path) -> bytes:
    """Change bytes in one to three places."""
    for _ in range(random.integers(1, 4)):
        data = mutations.damage_bytes(data, random)
    return data


def in_header(data: bytes, random: Random, place: Path) -> bytes:
    """Change values or names in the JSON header, or repeat one; keep the old hash."""
    header, payload = _split(data)
    for _ in range(random.integers(1, 3)):
        _change(header, random)
    return _join(_twice(json.dumps(header), random), payload)


def under_a_new_hash(data: bytes, random: Random, place: Path) -> bytes:
    """Change facts or arrays and write the correct hash."""
    header, _ = _split(data)
    body = json.loads(header["__metadata__"]["hiddenstate"])
    arrays = safetensors.numpy.load(data)
    for _ in range(random.integers(1, 3)):
        if random.random() < 0.6:
            _change(body["facts"], random)
        else:
            _change_arrays(arrays, random)
    if random.random() < 0.05:
        body["format"] = CELLS[random.integers(len(CELLS))]
    return sign(body, arrays)


def with_code(data: bytes, random: Random, place: Path) -> bytes:
    """Return a pickle that would create a file: alone, in a torch archive, or before the model."""

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            calls = [
                (Path.touch, (place / RAN,)),
                (os.system, (f"touch '{place / RAN}'",)),
                (exec, (f"open({str(place / RAN)!r}, 'w')",)),
            ]
            return calls[random.integers(3)]

    protocol = int(random.integers(6))
    evil = pickle.dumps({"out.weight": Evil(), "a": np.ones(3)}, protocol)
    match random.integers(4):
        case 0:
            return evil
        case 1:
            return mutations.damage_bytes(evil, random)
        case 2:
            stream = io.BytesIO()
            with zipfile.ZipFile(stream, "w") as archive:
                archive.writestr("archive/data.pkl", evil)
                archive.writestr("archive/version", b"3\n")
                archive.writestr("archive/byteorder", b"little")
            return stream.getvalue()
        case _:
            return len(evil).to_bytes(8, "little") + evil + data


CELLS: list[Any] = [
    None,
    True,
    0,
    -1,
    1,
    2,
    3,
    2**31,
    2**63,
    2**64,
    -(2**63),
    10**30,
    0.5,
    1e308,
    "",
    "x",
    "x" * 5000,
    "\x1b[31m\n",
    "\ud800",
    "__class__",
    [],
    [[]],
    {},
    [1, 2],
    {"a": 1},
    ["p", "p"],
    "lstm",
    "classify",
    "mask",
    [1] * 3000,
    "0",
    "nan",
]
"""Values to put in place of the expected ones."""


def _change(tree: Any, random: Random) -> None:
    """Change one entry in a tree of dicts and lists."""
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key in node if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            if isinstance(node[key], (dict, list)):
                walk(node[key])

    walk(tree)
    if not places:
        return
    node, key = places[random.integers(len(places))]
    other_node, other_key = places[random.integers(len(places))]
    match random.integers(5):
        case 0:
            del node[key]
        case 1 if isinstance(node, dict):
            node["x" if random.random() < 0.5 else str(other_key)] = copy.deepcopy(node[key])
        case 2:
            node[key] = copy.deepcopy(other_node[other_key])
        case 3 if type(node[key]) is int:
            node[key] += int(random.choice([-1, 1, 7, 1000]))
        case _:
            node[key] = copy.deepcopy(CELLS[random.integers(len(CELLS))])  # it may be changed next


def _change_arrays(arrays: dict[str, Any], random: Random) -> None:
    names = sorted(arrays)
    name = names[random.integers(len(names))] if names else ""
    match random.integers(7):
        case _ if not names:
            arrays["x"] = np.ones(3)
        case 0:
            del arrays[name]
        case 1:
            arrays[str(random.choice(["x", "preparation/fill", "rnn.weight_hh_l9", "", "a\n"]))] = (
                arrays[name]
            )
        case 2:
            kinds = ["<f4", "<f8", "<i4", "<i8", "|u1"]
            with np.errstate(invalid="ignore"):
                arrays[name] = arrays[name].astype(kinds[random.integers(5)])
        case 3:
            values = np.array(arrays[name])
            odd = [np.nan, np.inf, -np.inf, 1e38, 0.0, -1e30]
            if values.size and values.dtype.kind == "f":
                values.reshape(-1)[random.integers(values.size)] = odd[random.integers(6)]
            arrays[name] = values
        case 4:
            arrays[name] = arrays[name].reshape(-1)
        case 5:
            arrays[name] = np.zeros((0, 3) if random.random() < 0.5 else (), "f4")
        case _:
            arrays[name] = np.concatenate([np.atleast_1d(arrays[name])] * 2)


def _twice(text: str, random: Random) -> str:
    """In one case of ten, add JSON that Python accepts and other parsers do not."""
    if random.random() < 0.9:
        return text
    deep = ', "a": ' + "[" * 5000
    ends = [', "__metadata__": {}}', ', "a": NaN}', ', "a": 1e999}', "}}", "", deep]
    return text[:-1] + ends[random.integers(len(ends))]


# --- the format, implemented from docs/format.md


def _split(data: bytes) -> tuple[dict[str, Any], bytes]:
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def _join(header: str, payload: bytes) -> bytes:
    text = header.encode("utf-8", "surrogatepass")
    return len(text).to_bytes(8, "little") + text + payload


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def sign(body: dict[str, Any], arrays: dict[str, Any]) -> bytes:
    """Return a model file of these facts and arrays with the correct hash."""
    body = {name: value for name, value in body.items() if name != "sha256"}
    digest = hashlib.sha256(_canonical(body))
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(_canonical([name, array.dtype.str, list(array.shape)]) + array.tobytes())
    text = _canonical({**body, "sha256": digest.hexdigest()}).decode()
    plain = {name: np.ascontiguousarray(a) if a.ndim else a for name, a in arrays.items()}
    return safetensors.numpy.save(plain, metadata={"hiddenstate": text})


# --- reading


def contents(estimator: Any) -> str:
    """Return everything read from a model file as text."""
    model = estimator.model_
    arrays = [(n, a.dtype.str, a.shape, a.tobytes()) for n, a in sorted(model.params.items())]
    counts = (estimator.n_features_in_, estimator.fit_ndim_, estimator.n_steps_)
    return repr((arrays, model.facts(), counts, sorted(estimator.get_params().items())))


class Place:
    """A folder with a valid model file, which can be damaged."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.torch = name == "state_dict"
        self.path = folder / ("net.pt" if self.torch else "model.safetensors")
        made = MODELS[name]()
        if self.torch:
            import torch

            torch.save(made.to_torch().state_dict(), self.path)
        else:
            made.save(self.path)
        self.sound = self.path.read_bytes()
        self.contents = "" if self.torch else contents(load(self.path))
        self._heard: list[str] = []
        self._listening = False
        sys.addaudithook(self._hear)

    def random(self, seed: int, number: int) -> Random:
        """Return the generator that file `number` of `seed` is made from."""
        return np.random.default_rng([seed, zlib.crc32(self.name.encode()), number])

    @contextlib.contextmanager
    def damaged(self, random: Random) -> Iterator[str]:
        """Damage the model file and yield its name."""
        ways = (
            [blindly, blindly, with_code]
            if self.torch
            else [blindly, in_header, under_a_new_hash, under_a_new_hash]
        )
        way = ways[random.integers(len(ways))]
        way = with_code if random.random() < 0.02 else way
        self.resigned = way is under_a_new_hash or self.torch
        self.path.write_bytes(way(self.sound, random, self.folder))
        yield self.path.name

    def attempt(self, seed: int, number: int) -> Outcome:
        """Damage file `number` and load it."""
        outcome = Outcome()
        with self.damaged(self.random(seed, number)) as outcome.damaged_file:
            trouble = watched(outcome, "model", self._load)
            trouble += [f"code: {what}" for what in self._heard]
            if (self.folder / RAN).exists():
                trouble.append("code: it created a file")
                (self.folder / RAN).unlink()
            outcome.findings += [f"{text}\nload" for text in trouble]
        return outcome

    def _load(self) -> list[str]:
        """Load the file and predict with its model; return the problems."""
        self._heard, self._listening = [], True
        try:
            if self.torch:
                arrays = read_weights(self.path)
                strange = [n for n, a in arrays.items() if a.dtype.kind not in "fiub"]
                return [f"unsound: {name}" for name in strange]
            loaded = load(self.path)
        finally:
            self._listening = False
        if not self.resigned and contents(loaded) != self.contents:
            return ["loaded: a damaged file"]
        n_features = loaded.n_features_in_
        if isinstance(loaded, Autoencoder):
            predictions = np.asarray(loaded.transform(np.zeros((2, n_features))))
        else:
            predictions = np.asarray(loaded.predict(np.zeros((2, 5, n_features))))
        if predictions.dtype.kind == "f" and not np.isfinite(predictions).all():
            return ["unsound: predictions are not finite"]
        return []

    def _hear(self, event: str, args: tuple[Any, ...]) -> None:
        """Record every event that could run code while a file is read."""
        if not self._listening:
            return
        own_file = event == "exec" and os.path.exists(getattr(args[0], "co_filename", ""))
        torch_lookup = event == "pickle.find_class" and self.torch
        if event in SUSPECT and not own_file and not torch_lookup:
            self._heard.append(f"{event} {args!r:.200}")


SUSPECT = (
    "exec",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "subprocess.Popen",
    "pickle.find_class",
    "socket.connect",
)
"""Audit events of Python that reading a file must not raise."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--n", type=int, default=100_000, help="total number of damaged files")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", dest="reader", choices=list(MODELS))
    parser.add_argument("--at", type=int, help="number of the one file of --model to read again")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "fuzz-findings")
    args = parser.parse_args()
    if args.at is not None:
        sys.exit(again(args.reader, args.seed, args.at, Place) > 0)
    fuzz = Fuzz(args, tuple(MODELS), Place)
    findings = fuzz.run()
    print(table(fuzz.sums, KINDS))
    print(f"{findings} findings" + (f", saved in {args.keep}" if findings else ""))
    sys.exit(findings > 0)


if __name__ == "__main__":
    main()
