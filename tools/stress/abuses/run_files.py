"""Abuses of run folders, model files and outputs, and of several commands at once."""

from typing import Any

from tools.stress.abuses.harness import Abuse, Done
from tools.stress.abuses.sound import n_rows

QUICK = "--max-steps 2 --threads 1 --view off"
LONG = (
    "--epochs 1000000 --max-steps 1000000 --log-every 100 --checkpoint-every 200 "
    "--threads 1 --view off"
)
RUNS = ("runs", "runs/*")
LIVE = ("live", "live/*", "train.log")
PREDICT = "hiddenstate predict wide.safetensors t.csv"
MODEL = "wide.safetensors"


def at_once(name: str, line: str, **facts: Any) -> Abuse:
    """Return an abuse that stops its training in the background at the end."""
    start = f"""hiddenstate classify t.csv {LONG} --runs-dir live >/dev/null 2>train.log & pid=$!
for i in $(seq 100); do ls live/*/checkpoints/0* >/dev/null 2>&1 && break; sleep 0.1; done
"""
    end = "\ncode=$?; kill $pid 2>/dev/null; wait $pid; exit $code"
    facts = {"leaves": (*LIVE, "other*"), "keeps": LIVE, **facts}
    return Abuse(f"at once: {name}", start + line + end, **facts)


def cut(name: str, keep: int) -> Any:
    """Return a maker that cuts a file off."""
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:keep])


def unchanged(*names: str) -> Any:
    """Return a check that files are still there and not empty."""

    def answer(done: Done) -> str:
        paths = [done.folder / name for name in names]
        gone = [path.name for path in paths if not path.is_file() or not path.stat().st_size]
        return f"gone or empty: {gone}" if gone else ""

    return answer


def output(
    name: str, target: str, ends: tuple[int, ...] = (2, 3), says: str = "", **facts: Any
) -> Abuse:
    """Return an abuse of `--output`."""
    return Abuse(f"output: {name}", f"{PREDICT} --output {target}", ends=ends, says=says, **facts)


OUTPUTS = [
    output("the data itself", "t.csv", says="t.csv"),
    output(
        "the data by another path", "./x/../t.csv", says="t.csv", make=lambda f: (f / "x").mkdir()
    ),
    output("the model", MODEL, says=MODEL),
    output("a link to the data", "link.csv", make=lambda f: (f / "link.csv").symlink_to("t.csv")),
    output(
        "a hard link to the data",
        "hard.csv",
        ends=(0, 2, 3),
        leaves=("hard.csv",),
        make=lambda f: (f / "hard.csv").hardlink_to(f / "t.csv"),
        answer=unchanged("t.csv"),
    ),
    output("a folder", "x", says="x", make=lambda f: (f / "x").mkdir()),
    output("a folder with a slash", "x/", says="x", make=lambda f: (f / "x").mkdir()),
    output("a missing folder", "no/such/o.csv", says="no/such"),
    output("a file as a folder", "t.csv/o.csv", says="t.csv"),
    output(
        "no right to write",
        "ro/o.csv",
        ends=(0, 3),
        leaves=("ro/*",),
        make=lambda f: ((f / "ro").mkdir(), (f / "ro").chmod(0o555))[0],
    ),
    output("a name of 300 bytes", "n" * 300, says="nnn"),
    output("a name with a newline", "$'a\\nb.csv'", ends=(0,), leaves=("a\nb.csv",)),
    output("a name that is no UTF-8", "$'a\\xff.csv'", ends=(0,), leaves=("a*.csv",)),
    output(
        "a name that starts with a dash",
        "-o.csv",
        ends=(0, 2),
        leaves=("-o.csv",),
        says="-o|--output",
    ),
    output("a suffix for another format", "o.xlsx", ends=(0, 2), leaves=("o.xlsx",)),
    output("a run's own config", "runs/classify-1/config.json --runs-dir runs", says="config.json"),
    output("a run's own model", "runs/classify-1/model.safetensors", says="model.safetensors"),
    output("the full disk", "/dev/full", says="/dev/full|standard output"),
    Abuse("output: stdout is full", f"{PREDICT} > /dev/full", ends=(3,), says="output|space"),
    Abuse(
        "output: the data through the shell",
        "hiddenstate predict wide.safetensors d.csv >> d.csv",
        {"d.csv": "a,b,c\n1,2,3\n4,5,6\n"},
        ends=(0, 2),
        leaves=("d.csv",),
    ),
    Abuse(
        "output: a film over the data",
        "hiddenstate film classify-1 --output t.csv",
        ends=(2,),
        says="t.csv|--output",
    ),
    Abuse(
        "output: runs in the data itself",
        f"hiddenstate classify t.csv {QUICK} --runs-dir t.csv",
        ends=(2, 3),
        says="t.csv",
    ),
    Abuse(
        "output: runs inside a run",
        f"hiddenstate classify t.csv {QUICK} --runs-dir runs/classify-1",
        ends=(0, 2, 3),
        leaves=("runs/classify-1/classify-1*",),
    ),
    Abuse(
        "output: data folder and runs folder in one",
        f"cd pics && hiddenstate classify . {QUICK} --runs-dir . && hiddenstate evaluate "
        "classify-1 --runs-dir .",
        leaves=("pics/classify-1*",),
        ends=(0,),
    ),
]

MODELS = [
    Abuse(
        f"model: cut off after {keep} bytes",
        PREDICT,
        make=cut(MODEL, keep),
        ends=(2, 4),
        says="wide.safetensors",
    )
    for keep in (0, 1, 7, 8, 100, 3000)
] + [
    Abuse(
        "model: renamed to .csv",
        "cp wide.safetensors m.csv; hiddenstate predict m.csv t.csv",
        leaves=("m.csv",),
        keeps=("m.csv",),
        answer=n_rows(24),
    ),
    Abuse(
        "model: of another job",
        "hiddenstate predict code.safetensors l.csv",
        ends=(2,),
        says="l.csv",
    ),
    Abuse(
        "model: of another table",
        "hiddenstate predict wide.safetensors l.csv",
        ends=(2,),
        says="l.csv",
    ),
    Abuse(
        "model: evaluated without data",
        "hiddenstate evaluate wide.safetensors",
        ends=(2,),
        says="DATA|data",
    ),
    Abuse(
        "model: evaluated without labels",
        "hiddenstate evaluate wide.safetensors d.csv",
        {"d.csv": "a,b,c\n1,2,3\n"},
        ends=(2,),
        says="d.csv.*label",
    ),
    Abuse(
        "model: evaluated with other labels",
        "hiddenstate evaluate wide.safetensors d.csv",
        {"d.csv": "a,b,c,label\n1,2,3,new\n4,5,6,p\n"},
        ends=(2,),
        says="new",
    ),
    Abuse(
        "model: JSON",
        "hiddenstate predict m.json t.csv",
        {"m.json": "{}"},
        ends=(4,),
        says="m.json",
    ),
    Abuse(
        "model: two models in one file",
        "cat wide.safetensors code.safetensors > m; hiddenstate predict m t.csv",
        ends=(4,),
        says="m:",
        keeps=("m",),
    ),
    Abuse(
        "model: a header that claims 8 exabytes",
        "hiddenstate predict m t.csv",
        {"m": b"\xff" * 7 + b"\x0f" + b"{}"},
        ends=(4,),
        says="m:",
    ),
    Abuse(
        "model: the folder of a run's checkpoints",
        "hiddenstate predict runs/classify-1/checkpoints t.csv",
        ends=(2, 4),
        says="checkpoints",
    ),
    Abuse(
        "model: a checkpoint as a model",
        "hiddenstate predict runs/classify-1/checkpoints/000000002.safetensors t.csv",
        ends=(2, 4),
        says="000000002",
    ),
    Abuse(
        "model: weights of another size",
        f"hiddenstate classify t.csv {QUICK} --hidden-size 9 --weights wide.safetensors",
        ends=(2, 4),
        says="wide.safetensors",
    ),
    Abuse(
        "model: weights that are missing",
        f"hiddenstate classify t.csv {QUICK} --weights no.pt",
        ends=(2,),
        says="no.pt",
    ),
    Abuse(
        "model: no right to read",
        "chmod 000 wide.safetensors; " + PREDICT,
        ends=(0, 2, 3, 4),
        leaves=(MODEL,),
        keeps=(MODEL,),
    ),
]

NAMES = ("with space", "-dash", "..hidden", "ünïcode", "a%sb", "{brace}", "[x]*?", "'quote\"", "~")


def folders(name: str, line: str, **facts: Any) -> Abuse:
    """Return an abuse of a run folder; the line may change all runs."""
    return Abuse(f"run: {name}", line, **{"leaves": RUNS, "keeps": RUNS, **facts})


FOLDERS = [
    Abuse(
        f"run: a folder of runs named {name}",
        f"hiddenstate classify t.csv {QUICK} --runs-dir "
        f"{quoted} && hiddenstate predict last t.csv --runs-dir {quoted} --proba | tail -n +1 | "
        "grep -c '^[0-9]'",
        leaves=("*",),
        says="24",
    )
    for name in NAMES
    for quoted in ["./" + name.replace("'", "'\\''").join("''")]
] + [
    folders(
        "renamed",
        "mv runs/classify-1 'runs/my best' && hiddenstate evaluate 'my best' && hiddenstate runs",
        says="my best",
    ),
    folders(
        "copied and trained for longer",
        "cp -r runs/classify-1 runs/copy && hiddenstate resume "
        "copy --max-steps +2 --view off && ! cmp -s runs/classify-1/model.safetensors "
        "runs/copy/model.safetensors",
    ),
    folders(
        "moved out and named by its path",
        "mv runs/classify-1 here && hiddenstate evaluate ./here",
        leaves=("here*", *RUNS),
    ),
    folders("named with a slash at the end", "hiddenstate evaluate runs/classify-1/"),
    folders(
        "named by a file in it", "hiddenstate evaluate runs/classify-1/config.json", ends=(2, 4)
    ),
    folders(
        "a link to a run", "ln -s classify-1 runs/link && hiddenstate evaluate link", ends=(0, 2)
    ),
    folders(
        "half-copied, without a model",
        "rm runs/classify-1/model.safetensors; hiddenstate predict classify-1 t.csv",
        ends=(2, 4),
        says="model",
    ),
    folders(
        "half-copied, without a config",
        "rm runs/classify-1/config.json; hiddenstate evaluate classify-1",
        ends=(2, 4),
        says="config.json|classify-1",
    ),
    folders(
        "half-copied, without checkpoints",
        "rm -r runs/classify-1/checkpoints; hiddenstate "
        "resume classify-1 --max-steps +2 --view off",
        ends=(2, 4),
        says="checkpoint",
    ),
    folders(
        "half-copied, without a history",
        "rm runs/classify-1/history.jsonl; hiddenstate report classify-1",
        ends=(0, 2, 4),
    ),
    folders(
        "half-copied, without snapshots",
        "rm -r runs/classify-1/snapshots; hiddenstate figures classify-1",
        ends=(0, 2, 3, 4),
    ),
    folders(
        "with a folder for a config",
        "rm runs/classify-1/config.json; mkdir runs/classify-1/config.json; hiddenstate runs",
        ends=(0, 2),
    ),
    folders(
        "with a FIFO for a history",
        "rm runs/classify-1/history.jsonl; mkfifo "
        "runs/classify-1/history.jsonl; hiddenstate report classify-1",
        ends=(0, 2, 3, 4),
    ),
    folders(
        "with a FIFO for a model",
        "rm runs/classify-1/model.safetensors; mkfifo "
        "runs/classify-1/model.safetensors; hiddenstate predict classify-1 t.csv",
        ends=(2, 3, 4),
    ),
    folders(
        "with notes of its owner",
        "echo hi > runs/classify-1/notes.txt; hiddenstate verify classify-1 --files-only",
    ),
    folders(
        "with the data of another machine",
        'sed -i \'s#"data": "/[^"]*#&-gone#\' '
        "runs/classify-1/config.json; hiddenstate resume classify-1 --max-steps +2 --view off",
        ends=(2, 4),
        says="config.json|t.csv",
    ),
    folders(
        "among files that are no runs",
        "touch runs/x.csv runs/classify-2; mkdir runs/empty; "
        "ln -s nowhere runs/broken; hiddenstate runs && hiddenstate evaluate classify-1",
        says="classify-1",
    ),
    folders(
        "beside an empty folder of the next name",
        "mkdir runs/classify-2; hiddenstate classify "
        f"t.csv {QUICK} && test -f runs/classify-3/model.safetensors",
        make=lambda f: (f / "runs").mkdir(exist_ok=True),
    ),
    folders(
        "numbered far beyond",
        f"mkdir -p runs/classify-99999999999999999999; hiddenstate "
        f"classify t.csv {QUICK} && hiddenstate runs",
        says="classify-",
    ),
    folders(
        "last in an empty folder", "mkdir runs; hiddenstate evaluate last", ends=(2,), says="runs"
    ),
    folders("last without a folder", "hiddenstate evaluate last", ends=(2,), says="runs"),
    folders("compared with itself", "hiddenstate compare classify-1 classify-1", ends=(0, 2)),
    folders("compared with another job", "hiddenstate compare classify-1 regress-1"),
    folders("the folder above", "hiddenstate evaluate ..", ends=(2,), says=r"\.\."),
    folders("the root", "hiddenstate evaluate /", ends=(2,), says="/"),
    folders(
        "in a folder that was deleted",
        "mkdir gone && cd gone && rmdir ../gone && hiddenstate runs",
        ends=(0, 2, 3),
    ),
    folders(
        "trained in a folder that was deleted",
        f"mkdir gone && cd gone && rmdir ../gone && hiddenstate classify ../t.csv {QUICK}",
        ends=(2, 3),
        says="runs|folder|t.csv|director",
    ),
]

AT_ONCE = [
    at_once(
        "a second resume",
        "hiddenstate resume last --runs-dir live --view off",
        ends=(3,),
        says="process",
    ),
    at_once(
        "a report while training", "hiddenstate report last --runs-dir live", says="report.html"
    ),
    at_once("figures while training", "hiddenstate figures last --runs-dir live", says="png"),
    at_once(
        "predictions while training",
        "hiddenstate predict last t.csv --runs-dir live",
        ends=(0, 2),
        says="model|train",
    ),
    at_once(
        "verify while training",
        "hiddenstate verify last --runs-dir live --files-only",
        ends=(0, 2, 3),
    ),
    at_once(
        "watched, then deleted",
        "(sleep 1; rm -rf live/*) & hiddenstate watch last "
        "--runs-dir live --view lines > /dev/null",
        ends=(0, 2, 3),
        keeps=("*",),
    ),
    at_once(
        "deleted while training",
        "rm -rf live/*; wait $pid; grep -q '^error: ' "
        "train.log && ! grep -q Traceback train.log && ! ls live/*",
        leaves=("*",),
    ),
    at_once(
        "renamed while training", "mv live/* live/other; wait $pid; test $? = 3", leaves=("*",)
    ),
    at_once(
        "a copy of a run in progress is resumed",
        "cp -r live/* live/copy; hiddenstate "
        "resume copy --runs-dir live --max-steps 300 --view off",
        ends=(0, 2, 3),
    ),
    at_once("its data deleted", "mv t.csv other.csv; sleep 0.5; kill -0 $pid", leaves=("*",)),
    at_once(
        "a learning rate from outside, then stop",
        "hiddenstate ctl last lr 0.5 --runs-dir live "
        "&& hiddenstate ctl last stop --runs-dir live; wait $pid",
    ),
    at_once(
        "stop twice",
        "hiddenstate ctl last stop --runs-dir live; hiddenstate ctl last stop --runs-dir live",
        ends=(0, 2),
        errors=2,
    ),
    Abuse(
        "at once: four runs start in one folder",
        " & ".join(
            [
                f"hiddenstate classify t.csv {QUICK} --seed {k} > /dev/null 2>log{k}"
                for k in range(4)
            ]
        )
        + " & wait; ls -d runs/classify-[1-4]/model.safetensors | grep -c .",
        leaves=(*RUNS, "log*"),
        says="4",
    ),
    Abuse(
        "at once: two predictions into one file",
        f"{PREDICT} --output o.csv & {PREDICT} --output o.csv; wait; grep -c , o.csv",
        leaves=("o.csv",),
        says="25",
    ),
    Abuse(
        "at once: the data grows while it is read",
        "(for i in $(seq 50); do echo 1,2,3,p >> d.csv;"
        " sleep 0.02; done) & for i in 1 2 3; do hiddenstate predict wide.safetensors d.csv "
        "> /dev/null || exit; done; wait",
        {"d.csv": "a,b,c,label\n1,2,3,p\n4,5,6,q\n"},
        leaves=("d.csv",),
    ),
    Abuse("at once: the pipe closes at once", f"{PREDICT} | true", ends=(0,)),
    Abuse("at once: stdin is closed", f"{PREDICT} <&-", answer=n_rows(24)),
]

ALL: tuple[Abuse, ...] = (*OUTPUTS, *MODELS, *FOLDERS, *AT_ONCE)
