"""Bad options, settings and paths: each is refused with the values that there are."""

import json
import os
import re
import shlex
from collections.abc import Iterator

import numpy as np

from tools.stress import samples
from tools.stress.abuses.array_inputs import saved
from tools.stress.abuses.bad_tables import SIGNAL, WIDE
from tools.stress.abuses.harness import Abuse
from tools.stress.abuses.sound import JOBS, refused

# fmt: off

EVIL = "evil\n\x1b[31m\u202e<b>"

ANY = (
    ("clasify", "did you mean classify?"),
    ("classify --hiden-size 3", "--hidden-size"),
    ("classify --code-size 3", "--code-size"),
    ("classify --epochs 0", "from 1 to 1000000000, got 0"),
    ("classify --epochs -1", "got -1"),
    ("classify --epochs many", "a whole number from 1 to 1000000000, got 'many'"),
    ("classify --epochs ++5", "got '++5'"),
    ("classify --epochs 1.5", "got '1.5'"),
    (f"classify --epochs {'9' * 30}", "a whole number"),
    ("classify --epochs", "--epochs"),
    ("classify --lr nan", "a number above 0, got nan"),
    ("classify --lr 1e999", "got inf"),
    ("classify --dropout 1", "at least 0 and below 1"),
    ("classify --cell lst", "did you mean lstm?"),
    ("classify --test-fraction 1", "at least 0 and below 1"),
    ("classify --seeds 0", "--seeds"),
    ("classify --view no", "--view"),
    ("classify a b", "b"),
    ("classify ''", "--data: expected text"),
    ("autoencode --data-dir ''", "--data: expected text"),
    ("regress a --test ''", "--test"),
    ("classify --weights ''", "--weights"),
    ("inspect ''", "--data"),
    ("classify --runs-dir ''", "'--runs-dir': the path is empty"),
    ("predict m --output ''", "'--output': the path is empty"),
    ("film m --output ''", "'--output': the path is empty"),
    ("classify a --data-dir b", "use one of them"),
    ("autoencode --encoder-sizes 9,,3", "--encoder-sizes"),
    ("autoencode --encoder-sizes ''", "--encoder-sizes"),
    ("autoencode --encoder-sizes 3,+-4", "--encoder-sizes"),
    ("regress --shuffle", "--no-stateful"),
    ("regress --momentum 0.5", "--optimizer sgd"),
    ("predict", "predict --help"),
    ("predict m --device tpu", "--device"),
    ("compare", "compare --help"),
    ("--nonsense", "--nonsense"),
    ("classify '--\x1b[31m'", "31m"),
    (f"classify --cell '{EVIL}'", "--cell"),
    (f"classify --view '{EVIL}'", "--view"),
    (f"'{EVIL}'", "evil"),
)
"""Commands that are wrong whatever there is."""

OF_TABLES = (
    ("--label lable", "no column lable (--label); did you mean label?; columns: a, b,"),
    ("--input a,q", "no input column q; columns: a, b, c, label"),
    ("--input a,a", "--input names a twice"),
    ("--input a,label --label label", "column label is both --label and --input"),
    ("--input ,", "--input: expected names separated by commas"),
    ("--id ida", "no column ida (--id)"),
    ("--time when", "no column when (--time)"),
    ("--group who", "no column who (--group)"),
    ("--label a --id a", "both --label and --id"),
    ("--id a,a", "--id names a twice"),
    ("--drop q", "no column q (--drop)"),
    ("--drop a,label --label label", "both --label and --drop"),
    ("--weight w", "no column w (--weight)"),
    ("--id a --weight a", "column a is both --id and --weight"),
    ("--layout wid",
     "expected one of auto, wide, features, long, got 'wid'; did you mean wide?"),
    ("--layout long", "add --id COL; columns: a, b, c, label"),
    ("--delimiter ';;'", "--delimiter: expected one character"),
    ("--decimal ';'", "--decimal: expected one of ., ,, got ';'"),
    ("--encoding utf9", "--encoding: unknown encoding 'utf9'"),
    ("--missing men", "error, drop, mean, forward, mask, got 'men'; did you mean mean?"),
    ("--scale standart", "did you mean standard?"),
    ("--split stratifed", "did you mean stratified?"),
    ("--split group", "--split: the rows have no groups; name their column with --group"),
    ("--valid-fraction 1",
     "--valid-fraction: expected a number of at least 0 and below 1, got 1.0"),
    ("--test-fraction -0.1",
     "--test-fraction: expected a number of at least 0 and below 1, got -0.1"),
    ("--class-weight balance", "did you mean balanced?"),
    ("--readout men", "--readout: expected one of last, mean, got 'men'"),
    ("--patience -1", "--patience: expected a whole number of at least 0, got -1"),
    ("--patience 3", "--patience: requires validation rows; add --valid-fraction"),
    ("--recipe clasic", "did you mean classic?"),
    ("--max-unpacked 0", "--max-unpacked: expected a number above 0, got 0.0"),
    ("--image-size 4097", "--image-size: expected a whole number from 1 to 4096, got 4097"),
    ("--steps 2", "rows of 3 numbers cannot be cut into 2 equal steps"),
    ("--target a", "no such option --target here; it belongs to regress"),
    ("--horizon 1", "no such option --horizon here; it belongs to regress"),
    ("--stride 1", "no such option --stride here; it belongs to regress"),
    ("--answers x.npy", "--answers"),
    (f"--label '{EVIL}'", "evil\\n\\x1b[31m\\u202e<b>"),
)
"""Options of `classify` for a table of a, b, c and label."""

OF_SIGNALS = (
    ("", "no target column; add --target COL (probably u, v); columns: time, u, v"),
    ("--horizon 1", "no target column; add --target COL"),
    ("--target w", "no column w (--target)"),
    ("--label v", "--label: names the classes of classify; write --target COL"),
    ("--target u,u", "--target names u twice"),
    ("--target v --input v", "leave it out of --input or add --horizon 1"),
    ("--target v --horizon 0", "--horizon: expected a whole number from 1 to 1000000"),
    ("--target v --stride 0", "--stride: expected a whole number of at least 1, got 0"),
    ("--target v --window -1", "--window: expected a whole number of at least 0, got -1"),
    ("--target v --windows 5", "--windows: applies only to the bundled waves"),
    ("--target v --output lst", "did you mean last?"),
    ("--target v --change", "--change: applies only to forecasts; add --horizon 1"),
    ("--target v --class-weight none", "it belongs to classify"),
    ("--target v --image-size 4", "no such option --image-size here"),
)
"""Options of `regress` for a table of time, u and v."""

OF_NEW_ROWS = (
    ("--delimiter ';;'", "--delimiter: expected one character"),
    ("--delimiter ';'", "add --delimiter ','"),
    ("--decimal :", "--decimal: expected one of ., ,"),
    ("--encoding utf9", "--encoding: unknown encoding 'utf9'"),
    ("--layout lon", "did you mean long?"),
    ("--max-unpacked -1", "--max-unpacked: expected a number above 0"),
    ("--device tpu", "--device"),
)
"""Options of reading rows for a model."""

SETTINGS = (
    ("epochs = 0", "--epochs"),
    ("epochs = true", "--epochs"),
    (f"epochs = {'9' * 400}", "--epochs"),
    (f"lr = {'9' * 400}", "--lr"),
    ("lr = nan", "--lr"),
    ("hiden_size = 3", "hiden_size"),
    ("code_size = 3", "code_size"),
    ("[training]\nepoch = 3", "epoch"),
    ("[nonsense]\nepochs = 3", "nonsense"),
    ("epochs = ", "o.toml"),
    ("epochs = 3\nepochs = 3", "o.toml"),
    ("\0", "o.toml"),
    (f"epochs = {'[' * 3000}", "o.toml"),
    (json.dumps(EVIL) + " = 1", "o.toml"),
    ('data = "a\\u0000b"', "--data"),
)
"""Files of settings."""

MISSING = ("classify absent", "regress absent.npz", "autoencode no/such/folder", "predict last",
           "regress --config absent.toml", "regress --weights absent.pt", "predict absent",
           "evaluate absent", "resume absent", "watch absent", "figures absent", "compare absent",
           "predict wide.safetensors absent.npy")
"""Commands on what is not there."""

OTHER_FILES = (("--sheet 1", "workbooks"), ("--frame 10", "sounds"), ("--bands 4", "sounds"),
               ("--rate 8000", "sounds"), ("--image-size 8", "images"))
"""Options, and the files that they are for."""


def options() -> Iterator[Abuse]:
    """Iterate over commands with wrong options."""
    for k, (line, says) in enumerate(ANY):
        yield Abuse(f"option: {k} alone, {line}", f"hiddenstate {line}", ends=(2,),
                    says=re.escape(says))
    for words, says in OF_TABLES:
        yield from refused("option: of a table", WIDE, says, by=(f"classify d.csv {words}",))
    for words, says in OF_SIGNALS:
        yield from refused("option: of a signal", SIGNAL, says, by=(f"regress d.csv {words}",))
    for words, says in (("--target a,a", "--target names a twice"),
                        ("--target a --input a", "add --horizon 1"),
                        ("--target label", "use classify with --label label")):
        yield from refused("option: of a table", WIDE, says, by=(f"regress d.csv {words}",))
    for words, says in OF_NEW_ROWS:
        yield from refused("option: of new rows", WIDE, says, by=(
            f"predict wide.safetensors d.csv --output o.csv {words}",
            f"evaluate wide.safetensors d.csv {words}"))
    for words, files in OTHER_FILES:
        flag = words.split()[0]
        only = f"{flag}: applies only to {files}; "
        yield from refused("option: for other files", WIDE, only, "d.csv is none; leave the "
                           "option out", by=(f"classify d.csv {words}",
                           *([] if "image" in words else
                             [f"predict wide.safetensors d.csv {words}"])))
        yield from refused("option: for other files", None, f"{only}the bundled data",
                           by=(f"classify {words}",))
        yield from refused("option: for other files", {"kinds/one/t.csv": WIDE}, f"{only}kinds "
                           "holds none; leave the option out", by=(f"inspect ./kinds {words}",))
    for k, (text, says) in enumerate(SETTINGS):
        data = "" if "data" in text else "absent "
        yield from refused(f"settings: {k}", text, says, by=(f"classify {data}--config o.toml",),
                           file="o.toml")
    digits = {f"many/{name}": data for name, data in samples.digits().items()}
    images = "many/train-images-idx3-ubyte"
    yield from refused("option: test rows for data that has some", digits,
                       "--test: ", "many has test rows already; leave it out",
                       by=(f"classify ./many --test {images}",))
    yield from refused("option: answers for data that has some", digits, "--answers",
                       by=("classify ./many --answers x.npy",))
    yield from refused("output: runs below a file", digits, "cannot create the run folder",
                       by=(f"classify ./many --runs-dir {images}",), ends=(3,))
    yield from refused("memory: a net that is too large", digits, "training needs about", "GiB",
                       "GiB", "free", ends=(3,),
                       by=("classify ./many --hidden-size 65536 --layers 64",))
    yield from refused("memory: more waves than fit", None, "GiB", ends=(3,),
                       by=(f"regress --windows {10**15} --view off",))


def paths() -> Iterator[Abuse]:
    """Iterate over paths of nothing, of devices, FIFOs and folders, and strange ones."""
    for line in MISSING:
        yield from refused("file: missing", None, by=(line,))
    yield from refused("file: a folder that is almost right", {"digits/x": b""},
                       "did you mean digits?", by=("classify ./digts",))
    yield from refused("file: no data to predict", None, "pass DATA after it",
                       by=("predict cube.safetensors",))
    for job in JOBS:
        yield from refused("file: a device", None, "neither a file nor a folder",
                           by=(f"{job} /dev/zero",))
    model = ("regress --weights fifo.npy", "predict cube.safetensors fifo.npy",
             "predict fifo.npy cube.safetensors")
    yield from refused("file: a FIFO", None, by=model, make=lambda f: os.mkfifo(f / "fifo.npy"))
    folder = ("regress --config fifo.npy", *(f"{job} fifo.npy" for job in JOBS), *model)
    yield from refused("file: a folder", None, by=folder,
                       make=lambda f: (f / "fifo.npy").mkdir())
    digits = {f"many/{name}": data for name, data in samples.digits().items() if name[:12] !=
              "train-labels"}
    yield from refused("idx: a FIFO", digits, by=("classify ./many",),
                       make=lambda f: os.mkfifo(f / "many/train-labels-idx1-ubyte"))
    evil = shlex.quote(EVIL)
    for words in ("classify", "regress --config", "regress --weights", "predict", "compare",
                  "classify --data-dir"):
        yield from refused("file: a strange name", None, "evil\\n\\x1b", by=(f"{words} {evil}",))
    data = {f"{EVIL}.npy": saved(-np.ones((12, 4)))}
    for line, end in (("autoencode {} --output-activation sigmoid --recipe classic", 2),
                      ("predict cube.safetensors {}", 2), ("predict code.safetensors {}", 2),
                      ("predict {} {}", 4)):
        yield from refused("file: a strange name of data", data, "evil\\n",
                           by=(line.replace("{}", shlex.quote(f"{EVIL}.npy")),), ends=(end,))


ALL: tuple[Abuse, ...] = (*options(), *paths())
