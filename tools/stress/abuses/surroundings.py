"""Abuses of the process, its surroundings and its files, and of what Python programs do around."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.stress.abuses.harness import Abuse
from tools.stress.abuses.sound import n_rows, python

MADE = ("runs", "runs/*")
QUICK = "--max-steps 2 --threads 1 --view off"
PREDICT = "hiddenstate predict wide.safetensors t.csv"
CLASSIFY = f"hiddenstate classify t.csv {QUICK}"
FORECAST = "hiddenstate forecast next.safetensors s.csv --horizon 2 --level none"
LONG = (
    "--epochs 1000000 --max-steps 1000000 --log-every 100 --checkpoint-every 200 --threads 1 "
    "--view off"
)


def around(name: str, line: str, says: str = "", **facts: Any) -> Abuse:
    """Return an abuse of the process or its surroundings."""
    return Abuse(f"process: {name}", line, says=says, **facts)


def predicts(name: str, before: str, **facts: Any) -> Abuse:
    """Return an abuse in which a prediction must be as usual."""
    return around(name, f"{before} {PREDICT}", answer=n_rows(24), **facts)


def trains(name: str, before: str, **facts: Any) -> Abuse:
    """Return an abuse in which training must be as usual."""
    return around(f"{name}, training", f"{before} {CLASSIFY}", leaves=MADE, **facts)


PROCESS = (
    predicts("HOME is empty", "HOME= "),
    predicts("PATH is empty of programs", "PATH=/nonexistent:$(dirname $(command -v hiddenstate))"),
    predicts("the hash seed is fixed", "PYTHONHASHSEED=0"),
    predicts("the memory of Python is checked", "PYTHONMALLOC=debug"),
    predicts("the output is not buffered", "PYTHONUNBUFFERED=1"),
    predicts("warnings are errors", "PYTHONWARNINGS=error::DeprecationWarning"),
    predicts("Python writes bytecode elsewhere", "PYTHONPYCACHEPREFIX=/nonexistent/x"),
    predicts("NO_COLOR and FORCE_COLOR at once", "NO_COLOR=1 FORCE_COLOR=1 CLICOLOR_FORCE=1"),
    predicts("an unknown level of instructions", "HIDDENSTATE_LEVEL=avx9000", ends=(0, 2, 3),
             says=""),
    predicts("the lowest level of instructions", "HIDDENSTATE_LEVEL=baseline"),
    predicts("MPLCONFIGDIR is a file", "MPLCONFIGDIR=t.csv"),
    predicts("a small stack", "ulimit -s 256;"),
    predicts("stderr is full", "exec 2>/dev/full;"),
    predicts("stderr is closed", "exec 2>&-;"),
    predicts("SIGPIPE is ignored", "trap '' PIPE;"),
    predicts("SIGHUP and SIGINT are ignored", "trap '' HUP INT;"),
    predicts("ten thousand variables", "export $(seq -f 'V%g=1' 10000);"),
    predicts("a variable of 100 kB", 'export BIG=$(head -c 100000 /dev/zero | tr "\\0" x);'),
    predicts("a time zone with a colon", "TZ=:America/New_York"),
    predicts("a language with a decimal comma", "LC_ALL=de_DE.UTF-8 LC_NUMERIC=de_DE.UTF-8"),
    predicts("a language whose i has no dot", "LC_ALL=tr_TR.UTF-8"),
    predicts("in a session of its own", "setsid -w"),
    predicts("under nohup", "nohup", leaves=("nohup.out",)),
    trains("HOME is empty", "HOME= "),
    trains("TMPDIR is a file", "TMPDIR=$PWD/t.csv"),
    trains("TMPDIR is empty", "TMPDIR= "),
    trains("a small stack", "ulimit -s 512;"),
    trains("stderr is full", "exec 2>/dev/full;"),
    trains("stdin is closed", "exec <&-;"),
    trains("all streams are closed", "exec <&- >&- 2>&-;"),
    trains("no output at all", "exec >/dev/null 2>&1;"),
    trains("a limit on processes", "ulimit -u 60;", ends=(0, 3), keeps=MADE),
    trains("MKL and OMP at odds", "MKL_NUM_THREADS=0 OMP_NUM_THREADS=-3 OMP_DYNAMIC=maybe"),
    around("stdout is full while training", f"{CLASSIFY} >/dev/full", ends=(3, 141), keeps=MADE,
           says="output|space"),
    around("stdout is full for a forecast", f"{FORECAST} >/dev/full", ends=(3,),
           says="output|space"),
    around("stdout is full for inspect", "hiddenstate inspect t.csv >/dev/full", ends=(3,),
           says="output|space"),
    around("the reader of a forecast leaves", f"{FORECAST} | true"),
    around("the reader of help leaves", "hiddenstate classify --help | head -1", "Usage"),
    around("the reader of runs leaves", "mkdir runs; hiddenstate runs | true",
           leaves=MADE),
    around("twelve open files", f"ulimit -n 12; {CLASSIFY}", "file|open", ends=(0, 3),
           leaves=MADE, keeps=MADE),
    around("stopped and continued",
           f"{CLASSIFY} --max-steps 400 >/dev/null & p=$!; sleep 0.6; kill -STOP $p; sleep 0.3; "
           "kill -CONT $p; wait $p", leaves=MADE),
    around("hung up while training",
           f"hiddenstate classify t.csv {LONG} >/dev/null 2>log & p=$!; "
           "for i in $(seq 100); do ls runs/*/checkpoints/0* >/dev/null 2>&1 && break; sleep 0.1; "
           "done; kill -HUP $p; wait $p; hiddenstate resume last --max-steps 1000001 --view off "
           ">/dev/null & p=$!; sleep 2; kill $p; wait $p; test $? = 143",
           leaves=(*MADE, "log")),
    around("killed, then predicted with",
           f"hiddenstate classify t.csv {LONG} >/dev/null 2>log & p=$!; "
           "for i in $(seq 100); do ls runs/*/checkpoints/0* >/dev/null 2>&1 && break; sleep 0.1; "
           "done; kill -9 $p; wait $p; hiddenstate predict last t.csv",
           "model|resume", ends=(0, 2), keeps=(*MADE, "log"), leaves=(*MADE, "log")),
    around("ten seconds of processor time",
           f"ulimit -t 10; hiddenstate classify t.csv {LONG} >/dev/null; test $? -gt 128",
           leaves=MADE),
)  # fmt: skip


def file(name: str, line: str, says: str = "", **facts: Any) -> Abuse:
    """Return an abuse of files."""
    return Abuse(f"file: {name}", line, says=says, **facts)


def links(n: int) -> Callable[[Path], None]:
    """Return a maker of a chain of `n` links to the data."""

    def make(folder: Path) -> None:
        for k in range(n):
            (folder / f"l{k}.csv").symlink_to(f"l{k - 1}.csv" if k else "t.csv")

    return make


def sparse(folder: Path) -> None:
    """Make a file of 2 GB without content."""
    with (folder / "d.csv").open("wb") as stream:
        stream.truncate(2 << 30)


def newlines(folder: Path) -> None:
    """Make a file of empty lines."""
    (folder / "d.csv").write_bytes(b"\n" * 10_000_000)


FILES = (
    file("two gigabytes of nothing", "hiddenstate inspect d.csv", "d.csv.*NUL|d.csv.*byte",
         make=sparse, ends=(2,)),
    file("ten million newlines", "hiddenstate inspect d.csv", "no rows",
         make=newlines, ends=(2,)),
    file("thirty links to the data", "hiddenstate predict wide.safetensors l29.csv # t.csv",
         make=links(30), answer=n_rows(24)),
    file("more links than a system follows", "hiddenstate predict wide.safetensors l59.csv # t.csv",
         "l59.csv", make=links(60), ends=(2, 3)),
    file("a link to itself", "hiddenstate inspect d.csv", "d.csv",
         make=lambda f: (f / "d.csv").symlink_to("d.csv"), ends=(2, 3)),
    file("a socket", "python -c 'import socket; socket.socket(1).bind(\"d.csv\")'; "
         "hiddenstate inspect d.csv", "d.csv", ends=(2,), keeps=("d.csv",)),
    file("the memory of a process", "hiddenstate inspect /proc/self/mem", "/proc/self/mem",
         ends=(2, 3)),
    file("a file of the kernel without a size", "cp /proc/cpuinfo d.csv; hiddenstate inspect "
         "/proc/self/environ", "environ", ends=(2,), keeps=("d.csv",)),
    file("an endless device by a name of data",
         "ln -s /dev/zero d.csv; hiddenstate inspect d.csv", "d.csv", ends=(2,), keeps=("d.csv",)),
    file("an endless device as a model", "hiddenstate predict /dev/zero t.csv", "/dev/zero",
         ends=(2, 4)),
    file("an endless stdin", "yes | hiddenstate inspect -", "stdin|limit", ends=(0, 2)),
    file("an endless line of stdin", "tr '\\0' x </dev/zero | hiddenstate inspect -",
         "stdin", ends=(2, 3)),
    file("stdin for data and model at once", "hiddenstate predict - - < t.csv", "-", ends=(2, 4)),
    file("a table through /dev/stdin",
         "cat t.csv | hiddenstate predict wide.safetensors /dev/stdin",
         "/dev/stdin", ends=(0, 2)),
    file("a table of a process", "hiddenstate predict wide.safetensors <(cat t.csv)", "/dev/fd",
         ends=(0, 2)),
    file("a name that is a dash", "cp t.csv ./-; hiddenstate predict wide.safetensors ./-",
         "unsupported|./-", ends=(2,), keeps=("-",)),
    file("a name with a dot at the end", "cp t.csv d.csv.; hiddenstate inspect d.csv.",
         "d.csv.", ends=(2,), keeps=("d.csv.",)),
    file("a name of 255 bytes", "n=$(printf 'n%.0s' $(seq 251)).csv; cp t.csv $n; "
         "hiddenstate predict wide.safetensors $n", answer=n_rows(24), leaves=("nnn*",)),
    file("a path of three thousand bytes",
         "p=$(printf 'folder-of-a-long-name/%.0s' $(seq 140)); mkdir -p $p; cp t.csv $p; "
         "hiddenstate predict wide.safetensors $p/t.csv", answer=n_rows(24), leaves=("folder*",)),
    file("a folder named as a table", "hiddenstate inspect d.csv", "d.csv",
         make=lambda f: (f / "d.csv").mkdir(), ends=(2,)),
    file("a configuration that is a FIFO", f"mkfifo o.toml; {CLASSIFY} --config o.toml", "o.toml",
         ends=(2,), keeps=("o.toml",)),
    file("a configuration that never ends", f"{CLASSIFY} --config /dev/zero", "/dev/zero",
         ends=(2,)),
    file("a configuration that is a folder", f"{CLASSIFY} --config pics", "pics", ends=(2,)),
    file("runs in a device", f"{CLASSIFY} --runs-dir /dev/null", "/dev/null", ends=(2, 3)),
    file("runs in a link to nowhere", f"ln -s nowhere r; {CLASSIFY} --runs-dir r", "r",
         ends=(0, 2, 3), leaves=("r", "nowhere*"), keeps=("r", "nowhere*")),
    file("runs in a link to a folder", f"mkdir x; ln -s x r; {CLASSIFY} --runs-dir r && "
         "test -f x/classify-1/model.safetensors", leaves=("r", "x*")),
    file("runs in a folder of FIFOs", f"mkdir runs; mkfifo runs/classify-1; {CLASSIFY} && "
         "hiddenstate runs", leaves=MADE),
    file("data that changes its type while it is read",
         "(for i in $(seq 20); do cp t.csv d.csv; sleep 0.05; printf 'PK\\3\\4' > d.csv; "
         "sleep 0.05; done) & for i in 1 2 3; do hiddenstate inspect d.csv >/dev/null 2>e || "
         "grep -q '^error: ' e || exit 9; done; wait", files={"d.csv": "a,b,label\n1,2,x\n"},
         leaves=("d.csv", "e")),
    file("data that shrinks while it is read",
         "(for i in $(seq 30); do cp t.csv d.csv; truncate -s 40 d.csv; sleep 0.03; done) & "
         "for i in 1 2 3; do hiddenstate predict wide.safetensors d.csv >/dev/null 2>e || "
         "grep -q '^error: ' e || exit 9; done; wait", files={"d.csv": "a,b,c\n1,2,3\n"},
         leaves=("d.csv", "e")),
    file("a model that is replaced while it is read",
         "cp wide.safetensors m; (for i in $(seq 40); do cp wide.safetensors n; mv n m; "
         "sleep 0.02; done) & for i in 1 2 3; do hiddenstate predict m t.csv >/dev/null || exit 9; "
         "done; wait",
         leaves=("m", "n")),
)  # fmt: skip

START = f"""hiddenstate classify t.csv {LONG} --runs-dir live >/dev/null 2>train.log & pid=$!
for i in $(seq 100); do ls live/*/checkpoints/0* >/dev/null 2>&1 && break; sleep 0.1; done
"""


def together(name: str, line: str, **facts: Any) -> Abuse:
    """Return an abuse of a run in progress; it is stopped at the end."""
    end = "\ncode=$?; kill $pid 2>/dev/null; wait $pid; exit $code"
    made = ("live", "live/*", "train.log", "o*")
    return Abuse(f"together: {name}", START + line + end,
                 **{"leaves": made, "keeps": made, **facts})  # fmt: skip


TOGETHER = (
    together("two reports", "hiddenstate report last --runs-dir live >/dev/null & "
             "hiddenstate report last --runs-dir live >/dev/null && wait $!"),
    together("figures and a film", "hiddenstate figures last --runs-dir live >/dev/null & "
             "hiddenstate film last --runs-dir live --seconds 1 --fps 2 --output o.gif >/dev/null; "
             "c=$?; wait $!; test -s o.gif", ends=(0,)),
    together("paused, then killed",
             "hiddenstate ctl last pause --runs-dir live && sleep 0.5; kill -9 $pid; wait $pid; "
             "timeout 20 hiddenstate resume last --runs-dir live --view off >/dev/null 2>&1; "
             "test $? = 124 -o $? = 143 -o $? = 0"),
    together("every file made read-only",
             "chmod -R a-w live; sleep 0.5; kill $pid; wait $pid; test $? = 143 -o $? = 3; "
             "chmod -R u+w live"),
    together("its checkpoints removed",
             "rm -rf live/*/checkpoints; sleep 1; kill $pid; wait $pid; c=$?; "
             "test $c = 3 -o $c = 143 && ! grep -q Traceback train.log"),
    together("its history replaced by a folder",
             "rm live/*/history.jsonl; mkdir live/classify-1/history.jsonl; sleep 0.5; kill $pid; "
             "wait $pid; c=$?; test $c = 3 -o $c = 143 && ! grep -q Traceback train.log"),
    together("a request of a megabyte",
             "head -c 1000000 /dev/zero | tr '\\0' x >> live/classify-1/control.jsonl; "
             "hiddenstate ctl last stop --runs-dir live; wait $pid"),
    together("requests that are no JSON",
             "printf '{]\\n\\xff\\n[1]\\nnull\\n' >> live/classify-1/control.jsonl; "
             "hiddenstate ctl last stop --runs-dir live; wait $pid"),
    together("runs listed while folders come and go",
             "(for i in $(seq 30); do mkdir live/x$i; rmdir live/x$i; done) & "
             "for i in 1 2 3; do hiddenstate runs --runs-dir live >/dev/null || exit 9; done; "
             "wait $!"),
    together("compared with itself while it trains",
             "hiddenstate compare last classify-1 --runs-dir live", ends=(0, 2)),
    together("exported before its end", "hiddenstate export last --runs-dir live --to c "
             "--output o.h", ends=(0, 2), says=""),
    Abuse("together: four forecasts into one file",
          " & ".join([f"{FORECAST} --output o.csv"] * 4) + "; wait; grep -c , o.csv",
          leaves=("o.csv",), says="3"),
    Abuse("together: two runs of one name",
          f"({CLASSIFY} --name mine >/dev/null 2>a; echo $? >ca) & {CLASSIFY} --name mine "
          ">/dev/null 2>b; echo $? >cb; wait; sort ca cb | tr '\\n' ' '; "
          "hiddenstate verify mine --files-only >/dev/null",
          leaves=(*MADE, "a", "b", "ca", "cb"), says="0 [23]|0 0"),
    Abuse("together: a forecast is killed while it writes",
          f"cp s.csv o.csv; for k in 1 2 3 4 5 6; do {FORECAST} --output o.csv & p=$!; "
          "sleep 0.$k; kill -9 $p 2>/dev/null; wait $p 2>/dev/null; "
          "test $(wc -l < o.csv) = 61 -o $(wc -l < o.csv) = 3 || exit 9; done",
          leaves=("o.csv", ".o.csv*", "*tmp*", ".*")),
)  # fmt: skip


def api(name: str, snippet: str, **facts: Any) -> Abuse:
    """Return an abuse of the Python interface that must give the right answer."""
    return python(f"around: {name}", snippet, **facts)


def refused(name: str, snippet: str, says: str) -> Abuse:
    """Return an abuse of the Python interface that must be refused."""
    return python(f"around: {name}", snippet, (2,), says)


PAST = "s = [np.sin(np.arange(80) / 3 + k)[:, None] for k in range(3)]\n"
FLOW = "reg(stateful=False, horizon=2, window=8)"

PYTHON = (
    api("a forecast changes neither series nor model", PAST + f"""r = {FLOW}.fit(s)
before = [x.copy() for x in s]
one, two = r.forecast(horizon=3), r.forecast(horizon=3)
assert same(one, two) and all(same(a, b) for a, b in zip(before, s))"""),
    api("series as a list of lists", PAST + f"""r = {FLOW}.fit(s)
q = {FLOW}.fit([x.tolist() for x in s])
assert same(r.forecast(horizon=3), q.forecast(horizon=3))"""),
    api("series of another type of float", PAST + f"""r = {FLOW}.fit([x.astype('>f8') for x in s])
assert same(r.forecast(horizon=3), {FLOW}.fit(s).forecast(horizon=3))"""),
    api("a fitted forecaster survives pickle and copy", PAST + f"""r = {FLOW}.fit(s)
for q in (pickle.loads(pickle.dumps(r)), copy.deepcopy(r)):
    assert same(q.forecast(horizon=3), r.forecast(horizon=3))"""),
    refused("a forecast before fit", f"{FLOW}.forecast(horizon=2)", "not fitted"),
    refused("a forecast of no step", PAST + f"{FLOW}.fit(s).forecast(horizon=0)", "horizon"),
    refused("a level above one", PAST + f"{FLOW}.fit(s).forecast(horizon=2, level=(80,))", "level"),
    refused("a forecast by a model of rows", "reg().fit(X, z).forecast(horizon=2)", "horizon"),
    refused("series shorter than a window", PAST + f"{FLOW}.fit([x[:5] for x in s])",
            "window|steps"),
    refused("no series", f"{FLOW}.fit([])", "empty|series|0 sample|minimum|no rows"),
    refused("a gap in a series", PAST + f"s[1][7] = np.nan\n{FLOW}.fit(s)", "NaN|missing"),
    api("a stream is as the whole series", """c = reg().fit(X, z)
t = c.stream(rows=len(X))
last = [t.step(X[:, k]) for k in range(X.shape[1])][-1]
assert np.allclose(np.ravel(last), c.predict(X), atol=1e-5)"""),
    api("a step that fails leaves a stream as it was", """c = reg().fit(X, z)
t, u = c.stream(rows=2), c.stream(rows=2)
t.step(X[:2, 0]); u.step(X[:2, 0])
assert refused(lambda: t.step(X[:2, 1] * np.nan)) and refused(lambda: t.step(X[:3, 1]))
assert same(t.step(X[:2, 1]), u.step(X[:2, 1]))"""),
    api("a copy of a stream goes its own way", """c = reg().fit(X, z)
t = c.stream(rows=2); t.step(X[:2, 0])
copies = t.copy(), copy.copy(t), copy.deepcopy(t)
a = t.step(X[:2, 1]); t.step(X[:2, 2])
assert all(same(u.step(X[:2, 1]), a) for u in copies)"""),
    refused("a stream of no rows", "reg().fit(X, z).stream(rows=0)", "rows"),
    refused("a stream of half a row", "reg().fit(X, z).stream(rows=1.5)", "rows"),
    refused("a stream of words", "reg().fit(X, z).stream(rows=1).step([['a', 'b']])", "numbers"),
    api("an array changed after fit changes nothing", """w = X.copy()
c = clf().fit(w, y); a = c.predict_proba(X); w[:] = 0
assert same(c.predict_proba(X), a)"""),
    api("an answer changed by its receiver changes nothing", """c = clf().fit(X, y)
a = c.predict_proba(X); b = a.copy(); a[:] = 0; c.classes_.flags.writeable and None
assert same(c.predict_proba(X), b)"""),
    api("a model saved over itself", """c = clf().fit(X, y)
c.save('m.safetensors'); d = load('m.safetensors'); d.save('m.safetensors')
assert same(load('m.safetensors').predict_proba(X), c.predict_proba(X))""",
        leaves=("m.safetensors",)),
    api("save that fails leaves the earlier file", """import os
c = clf().fit(X, y); c.save('m.safetensors'); before = open('m.safetensors', 'rb').read()
d = clf().fit(X, np.array(['2020-01-01', '2020-01-02'] * 12, 'M8[D]'))
assert refused(lambda: d.save('m.safetensors'))
assert open('m.safetensors', 'rb').read() == before and os.listdir() == ['m.safetensors']""",
        leaves=("m.safetensors",)),
    api("a model that is no path", "assert all(refused(lambda: load(x)) for x in (None, 3, X))"),
    refused("a folder as a model", "load('/tmp')", "/tmp"),
    api("a parameter of the wrong case", "assert refused(lambda: clf(Hidden_Size=4))"),
    refused("a number as text", "clf(hidden_size='4').fit(X, y)", "hidden_size"),
    refused("a size of 2.5", "clf(hidden_size=2.5).fit(X, y)", "hidden_size"),
    refused("a size of True", "clf(hidden_size=True).fit(X, y)", "hidden_size"),
    refused("a rate of nan", "clf(lr=float('nan')).fit(X, y)", "lr"),
    refused("a seed below zero", "clf(random_state=-1).fit(X, y)", "random_state|seed"),
    refused("a parameter set to nonsense later", "c = clf().fit(X, y)\nc.set_params(cell='x')\n"
            "c.fit(X, y)", "cell"),
    api("a refused refit leaves the model as it was", """c = clf().fit(X, y)
a = c.predict_proba(X); c.set_params(cell='x')
assert refused(lambda: c.fit(X[:, :2], ['u', 'v'] * 12)) and same(c.predict_proba(X), a)"""),
    api("a grid search in two processes", """from sklearn.model_selection import GridSearchCV
g = GridSearchCV(clf(), {'hidden_size': [2, 4]}, cv=2, n_jobs=2).fit(X, y)
assert set(g.predict(X)) <= {'up', 'down'}""", megabytes=4096),
    api("a pipeline", """from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
p = make_pipeline(StandardScaler(), clf()).fit(X[:, 0], y)
assert p.predict(X[:, 0]).shape == (24,)"""),
    api("a subclass with its own default", """class Mine(RecurrentClassifier): pass
c = Mine(hidden_size=4, max_steps=3, random_state=0, threads=1).fit(X, y)
assert same(c.predict_proba(X), clf().fit(X, y).predict_proba(X))"""),
    api("two hundred models at once", """cs = [clf(random_state=k).fit(X, y) for k in range(200)]
assert same(cs[7].predict_proba(X), clf(random_state=7).fit(X, y).predict_proba(X))"""),
    api("a fit that is interrupted leaves the model as it was", """import _thread, threading
c = clf(max_steps=3).fit(X, y); a = c.predict_proba(X)
c.set_params(max_steps=10**8, epochs=10**8)
threading.Timer(0.3, _thread.interrupt_main).start()
try:
    c.fit(X, np.where(y == 'up', 'zebra', 'ape')); stopped = False
except KeyboardInterrupt:
    stopped = True
assert stopped and set(c.classes_) == {'up', 'down'} and same(c.predict_proba(X), a)"""),
    api("named columns of a list of frames in another order", """import pandas as pd
f = [pd.DataFrame(x, columns=['p', 'q']) for x in X]
c = clf().fit(f, y)
assert same(c.predict_proba([g[['q', 'p']] for g in f]), c.predict_proba(f))"""),
    refused("an option of read_data that is misspelled", "read_data('x.csv', lable='a')", "lable"),
    api("data that is no path", "assert all(refused(lambda: read_data(x)) for x in (3, X, None))"),
)  # fmt: skip

ALL: tuple[Abuse, ...] = (*PROCESS, *FILES, *TOGETHER, *PYTHON)
