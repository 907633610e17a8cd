"""Abuses of options and of the environment."""

import json
from typing import Any

from tools.stress import samples
from tools.stress.abuses.harness import Abuse, Answer, Done
from tools.stress.abuses.sound import n_rows

QUICK = "--max-steps 2 --threads 1 --view off"
MADE = ("runs", "runs/*")
PREDICT = "hiddenstate predict wide.safetensors t.csv"
CLASSIFY = f"hiddenstate classify t.csv {QUICK}"


def wrong(name: str, line: str, says: str, ends: tuple[int, ...] = (2,), **facts: Any) -> Abuse:
    """Return an abuse of options that must be refused."""
    return Abuse(f"option: {name}", f"hiddenstate {line}", ends=ends, says=says, **facts)


def works(
    name: str, line: str, answer: Answer | None = None, says: str = "", **facts: Any
) -> Abuse:
    """Return an abuse of options that must train or answer as usual."""
    return Abuse(f"option: {name}", line, answer=answer, says=says, leaves=MADE, **facts)


def limits(
    option: str, job: str, low: str, below: str, high: str | None = None, beyond: str | None = None
) -> list[Abuse]:
    """Return the four abuses of a numeric option at its limits and just beyond."""
    found = []
    for value, fits in ((low, True), (below, False), (high, True), (beyond, False)):
        if value is None:
            continue
        line = f"{job} t.csv {QUICK} --{option}={value}"
        if fits:
            found.append(works(f"--{option} {value}", f"hiddenstate {line}"))
        else:
            found.append(wrong(f"--{option} {value}", line, f"--{option}"))
    return found


LIMITS = [
    *limits("hidden-size", "classify", "1", "0", None, "65537"),
    *limits("layers", "classify", "1", "0", "64", "65"),
    *limits("dropout", "classify", "0", "-0.0001", "0.9999", "1.0"),
    *limits("test-fraction", "classify", "0", "-1e-9", None, "1"),
    *limits("valid-fraction", "classify", "0", "-0.1", None, "1e0"),
    *limits("seed", "classify", "0", "-1", "9223372036854775807", "9223372036854775808"),
    *limits("threads", "classify", "0", "-1", "4096", "4097"),
    *limits("lr", "classify", "5e-324", "0", None, "inf"),
    *limits("code-size", "autoencode", "1", "0", None, "65537"),
    *limits("n-shown", "classify", "0", "-1", "64", "65"),
    *limits("batch-size", "classify", "1", "0", "99999999999999", "1e3"),
    *limits("momentum", "classify --optimizer sgd", "0", "-1", "0.999", "1"),
    *limits("weight-decay", "classify", "0", "-1", "1e-300", "nan"),
    *limits("clip", "classify", "1e-300", "0", "1e300", "nan"),
    *limits("log-every", "classify", "1", "0", "99999999999999", "1.0"),
]


def steps_of(n: int) -> Answer:
    """Return a check that the JSON of a job says that it made `n` updates."""

    def answer(done: Done) -> str:
        made = json.loads(done.out)["steps"]
        return "" if made == n else f"{made} updates, expected {n}"

    return answer


OPTIONS = [
    works(
        "the last of a repeated option counts",
        f"{CLASSIFY} --max-steps 5 --max-steps 3 --json",
        steps_of(3),
    ),
    works(
        "a switch and its opposite: the last counts",
        f"{CLASSIFY} --bidirectional --no-bidirectional --hidden-size 5",
        says=r"in_features=5",
    ),
    works("data after --", f"hiddenstate classify {QUICK} -- t.csv"),
    wrong("an option after --", "classify t.csv -- --lr 1", "unexpected|--lr"),
    wrong("an abbreviation", f"classify t.csv {QUICK} --hidden 3", "--hidden-size"),
    wrong("one dash", f"classify t.csv {QUICK} -lr 3", "-l"),
    wrong("capitals", f"classify t.csv {QUICK} --LR 3", "--LR"),
    wrong("an en dash of a web page", f"classify t.csv {QUICK} \u2013lr 3", "lr|unexpected"),
    wrong("a curly quote", f"classify t.csv {QUICK} --cell “gru”", "--cell"),
    wrong("an empty number", f"classify t.csv {QUICK} --lr ''", "--lr"),
    wrong("an empty list", "autoencode t.csv --encoder-sizes ''", "--encoder-sizes"),
    wrong("an empty name of a column", f"classify t.csv {QUICK} --label ''", "--label"),
    wrong("an empty list of columns", f"classify t.csv {QUICK} --input ''", "--input"),
    wrong("an empty path of data", f"classify '' {QUICK}", "--data"),
    wrong("an empty path of a model", "predict '' t.csv", "no such|run|model"),
    wrong("an empty folder of runs", f"{CLASSIFY[12:]} --runs-dir ''", "--runs-dir"),
    wrong("an empty output", f"{PREDICT[12:]} --output ''", "output|directory", (2, 3)),
    wrong(
        "full-width digits in a number",
        f"classify t.csv {QUICK} --hidden-size \uff18",
        "--hidden-size",
        (0, 2),
    ),
    wrong("an underscore in a number", f"classify t.csv {QUICK} --max-steps 1_0", "--max-steps"),
    wrong("a number with spaces", f"classify t.csv {QUICK} --max-steps ' 1 2'", "--max-steps"),
    wrong("a column that does not exist", f"classify t.csv {QUICK} --label lable", "label"),
    wrong("a column in another case", f"classify t.csv {QUICK} --label LABEL", "label"),
    wrong(
        "the label as an input", f"classify t.csv {QUICK} --label label --input a,label", "label"
    ),
    wrong("one column twice as an input", f"classify t.csv {QUICK} --input a,a", "a.*twice"),
    wrong("the target as an input", "regress t.csv --target a --input a,b", "a"),
    wrong("an option of another job", f"classify t.csv {QUICK} --code-size 3", "autoencode"),
    wrong("an option of another command", f"{PREDICT[12:]} --lr 3", "--lr"),
    wrong(
        "predict for a regressor with --proba", "predict next.safetensors s.csv --proba", "--proba"
    ),
    wrong("Parquet on the terminal", f"{PREDICT[12:]} --format parquet", "--output"),
    wrong(
        "stateful with large batches",
        "regress s.csv --horizon 1 --stateful --batch-size 4",
        "--batch-size|--stateful",
    ),
    wrong(
        "patience without validation", f"classify t.csv {QUICK} --patience 3", "--valid-fraction"
    ),
    wrong("the change without a horizon", "regress t.csv --target a --change", "--change|horizon"),
    wrong("steps that do not divide a row", f"classify t.csv {QUICK} --steps 2", "steps"),
    wrong("a window longer than the signal", "regress s.csv --horizon 1 --window 999", "window"),
    wrong("a horizon longer than the signal", "regress s.csv --horizon 999", "horizon|steps"),
    wrong(
        "a test file that is the data",
        f"classify t.csv {QUICK} --test t.csv",
        "t.csv",
        (0, 2),
        leaves=MADE,
    ),
    wrong("an unset variable as data to predict", "predict wide.safetensors ''", "DATA"),
    wrong("answers for a table", f"classify t.csv {QUICK} --answers x.npy", "answers|x.npy"),
    wrong("a delimiter of two characters", f"{PREDICT[12:]} --delimiter ';;'", "--delimiter"),
    wrong("a delimiter that is a digit", f"{PREDICT[12:]} --delimiter 1", "--delimiter"),
    wrong(
        "one mark for columns and decimals",
        f"{PREDICT[12:]} --delimiter , --decimal ,",
        "--decimal|t.csv",
        (0, 2),
    ),
    wrong("an encoding that is none", f"{PREDICT[12:]} --encoding base64", "--encoding"),
    wrong("an encoding that is empty", f"{PREDICT[12:]} --encoding ''", "--encoding"),
    wrong("an encoding with a path", f"{PREDICT[12:]} --encoding ../../etc/passwd", "--encoding"),
    wrong("a device that is not there", f"{PREDICT[12:]} --device mps", "mps|device", (2, 3)),
    wrong("a config that is a table", f"classify t.csv {QUICK} --config t.csv", "t.csv"),
    wrong(
        "a config with an unknown name",
        "classify --config o.toml",
        "o.toml.*hiden",
        files={"o.toml": "hiden_size = 3\n"},
    ),
    wrong(
        "a config with a number as text",
        "classify --config o.toml",
        "o.toml|lr",
        files={"o.toml": 'lr = "fast"\n'},
    ),
    wrong(
        "a config with a name twice",
        "classify --config o.toml",
        "o.toml",
        files={"o.toml": "lr = 1\nlr = 2\n"},
    ),
    wrong(
        "a config of another job",
        "classify --config o.toml",
        "o.toml|code",
        files={"o.toml": "code_size = 2\n"},
    ),
    wrong(
        "a config that nests too deep",
        "classify --config o.toml",
        "o.toml",
        files={"o.toml": "a = " + "[" * 5000 + "]" * 5000 + "\n"},
    ),
    wrong(
        "a config with a date",
        "classify --config o.toml",
        "o.toml|lr",
        files={"o.toml": "lr = 2020-01-01\n"},
    ),
    wrong(
        "seeds beyond the largest",
        f"classify t.csv {QUICK} --seeds 3 --seed {2**63 - 2}",
        "seed",
        (0, 2),
        leaves=MADE,
    ),
    wrong("a film of no seconds", "film classify-1 --seconds 0", "--seconds"),
    wrong("a film with another suffix", "film classify-1 --output a.avi", "a.avi|--output"),
    wrong("figures in a format that is none", "figures classify-1 --format bmp", "--format"),
    wrong("a replay backwards", "watch classify-1 --view lines --speed -1", "--speed"),
    wrong("compare a run with nothing", "compare classify-1", "compare", (0, 2)),
    wrong("a request that is none", "ctl classify-1 explode", "explode"),
    wrong("a learning rate that is not a number", "ctl classify-1 lr nan", "lr|nan"),
    wrong("a request to a finished run", "ctl classify-1 stop", "classify-1"),
    wrong("resume by a negative number", "resume classify-1 --max-steps -3", "--max-steps"),
    wrong("resume to fewer updates", "resume classify-1 --max-steps 1 --view off", "max-steps"),
]

ENVIRONMENT = [
    Abuse(
        "environment: no variables at all",
        f'env -i "$(command -v hiddenstate)" {PREDICT[12:]}',
        answer=n_rows(24),
    ),
    Abuse("environment: HOME is a file", f"HOME=$PWD/t.csv {PREDICT}", answer=n_rows(24)),
    Abuse("environment: HOME does not exist", f"HOME=/nonexistent {CLASSIFY}", leaves=MADE),
    Abuse(
        "environment: figures without HOME",
        f"env -u HOME -u MPLCONFIGDIR {CLASSIFY[:-4]} files",
        leaves=MADE,
    ),
    Abuse("environment: TMPDIR does not exist", f"TMPDIR=/nonexistent {CLASSIFY}", leaves=MADE),
    Abuse("environment: LC_ALL is unknown", f"LC_ALL=xx_YY {PREDICT}", answer=n_rows(24)),
    Abuse(
        "environment: the C locale without UTF-8",
        f"LC_ALL=C PYTHONUTF8=0 {PREDICT}",
        answer=n_rows(24),
    ),
    Abuse(
        "environment: stdout in ASCII",
        "PYTHONIOENCODING=ascii hiddenstate inspect t.csv",
        says="rows +24",
    ),
    Abuse(
        "environment: stdout in Latin-1, labels in emoji",
        "PYTHONIOENCODING=latin-1 hiddenstate inspect d.csv",
        {"d.csv": samples.wide().replace(b"p\n", "🙂\n".encode())},
        says="rows +24",
    ),
    Abuse("environment: one column wide", "COLUMNS=1 hiddenstate inspect t.csv", says="rows"),
    Abuse("environment: COLUMNS is zero", "COLUMNS=0 hiddenstate inspect t.csv", says="rows"),
    Abuse(
        "environment: COLUMNS is negative", "COLUMNS=-5 hiddenstate classify --help", says="Usage"
    ),
    Abuse("environment: COLUMNS is a word", "COLUMNS=wide hiddenstate inspect t.csv", says="rows"),
    Abuse(
        "environment: COLUMNS is huge", "COLUMNS=99999999999 hiddenstate inspect t.csv", says="rows"
    ),
    Abuse(
        "environment: a dumb terminal",
        "TERM=dumb NO_COLOR=1 script -qec 'stty cols 20; hiddenstate inspect t.csv' /dev/null",
        says="rows",
    ),
    Abuse(
        "environment: no terminal type",
        "env -u TERM hiddenstate watch classify-1 --view lines",
        says="train loss",
    ),
    Abuse(
        "environment: a time zone that is none",
        "TZ=Mars/Base hiddenstate runs",
        make=lambda f: (f / "runs").mkdir(exist_ok=True),
    ),
    Abuse(
        "environment: a time zone far east",
        "TZ=XXX-24:59:59 hiddenstate runs; hiddenstate compare classify-1 classify-1",
        ends=(0, 2),
    ),
    Abuse("environment: no kernels", f"HIDDENSTATE_LEVEL=off {PREDICT}", answer=n_rows(24)),
    Abuse(
        "environment: Python with -O and -W error",
        f"PYTHONOPTIMIZE=2 PYTHONWARNINGS=error {PREDICT}",
        answer=n_rows(24),
    ),
    Abuse(
        "environment: a folder with modules of the same names",
        PREDICT,
        {"json.py": "1/0", "numpy.py": "1/0", "hiddenstate.py": "1/0", "click.py": "1/0"},
        answer=n_rows(24),
    ),
    Abuse("environment: sixteen open files", f"ulimit -n 16; {PREDICT}", ends=(0, 3)),
    Abuse(
        "environment: no files may grow",
        f"ulimit -f 0; {CLASSIFY}",
        ends=(3,),
        says="runs|large",
        keeps=MADE,
    ),
    Abuse(
        "environment: no output may grow",
        f"ulimit -f 0; {PREDICT} --output o.csv",
        ends=(3,),
        says="o.csv",
    ),
    Abuse(
        "environment: files of one kilobyte",
        f"ulimit -f 1; {CLASSIFY}",
        ends=(3,),
        says="runs",
        keeps=MADE,
    ),
    Abuse(
        "environment: lowest priority and no core files", f"nice -n 19 {PREDICT}", answer=n_rows(24)
    ),
    Abuse(
        "environment: a mask that hides everything",
        f"umask 0777; {CLASSIFY}",
        leaves=MADE,
        keeps=MADE,
        ends=(0, 3),
    ),
    Abuse("environment: half a gigabyte", CLASSIFY, megabytes=512, leaves=MADE),
    Abuse("environment: OMP_NUM_THREADS is a word", f"OMP_NUM_THREADS=all {CLASSIFY}", leaves=MADE),
    Abuse(
        "environment: OMP_NUM_THREADS is a list", f"OMP_NUM_THREADS=4,2,1 {CLASSIFY}", leaves=MADE
    ),
    Abuse(
        "environment: SIGTERM is ignored by the parent", f"trap '' TERM; {CLASSIFY}", leaves=MADE
    ),
]

ALL: tuple[Abuse, ...] = (*LIMITS, *OPTIONS, *ENVIRONMENT)
