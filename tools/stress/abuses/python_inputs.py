"""Abuses of the Python interface: the habits of scikit-learn, pandas, torch and threads."""

from tools.stress.abuses.harness import Abuse
from tools.stress.abuses.sound import python


def api(name: str, snippet: str, **facts: object) -> Abuse:
    """Return an abuse of an estimator that must give the right answer."""
    return python(f"python: {name}", snippet, **facts)  # type: ignore[arg-type]


def refused(name: str, snippet: str, says: str, ends: tuple[int, ...] = (2,)) -> Abuse:
    """Return an abuse of an estimator that must be refused in words that match `says`."""
    return python(f"python: {name}", snippet, ends, says)


def frame(name: str, make: str, check: str = "True", **facts: object) -> Abuse:
    """Return an abuse of `read_data`; `make` defines `df`, `check` is about `data`."""
    snippet = f"""import pandas as pd, decimal
base = pd.DataFrame({{"a": [1., 2, 3, 4], "b": [5., 6, 7, 9], "label": list("xyxy")}})
{make}
data = read_data(df)
right = np.array([[1., 5], [2, 6], [3, 7], [4, 9]])
assert {check}
"""
    return python(f"frame: {name}", snippet, **facts)  # type: ignore[arg-type]


EQUAL = "same(data.X, right) and list(data.y) == list('xyxy')"

LEFT_OUT = "data.columns == ('b',) and 'a (a type that cannot be read)' in data.remarks[0]"

FRAMES = (
    frame(
        "a MultiIndex of rows",
        "df = base.set_index(pd.MultiIndex.from_product([[0, 1]] * 2))",
        EQUAL,
    ),
    frame("a datetime index", "df = base.set_index(pd.date_range('2024', periods=4))", EQUAL),
    frame("an index with repeats", "df = base.set_index(pd.Index([7] * 4))", EQUAL),
    frame(
        "columns in a MultiIndex",
        "df = base.copy(); df.columns = pd.MultiIndex.from_tuples("
        "[('p', 'a'), ('p', 'b'), ('q', 'label')])",
        EQUAL,
    ),
    frame(
        "a categorical label",
        "df = base.assign(label=pd.Categorical(list('xyxy'), list('zyx')))",
        EQUAL,
    ),
    frame("a categorical of numbers", "df = base.assign(a=pd.Categorical(base.a))", EQUAL),
    frame("nullable integers", "df = base.assign(a=base.a.astype('Int64'))", EQUAL),
    frame(
        "nullable integers with a gap",
        "df = base.assign(a=pd.array([1, None, 3, 4], 'Int64'))",
        "np.isnan(data.X[1, 0]) and data.X[0, 0] == 1",
    ),
    frame(
        "64-bit integers with a gap keep their digits or are floats",
        "df = base.assign(a=pd.array([2**53, None, 3, 4], 'Int64'))",
        "data.X[0, 0] == 2.0**53",
    ),
    frame(
        "strings of pyarrow", "df = base.assign(label=base.label.astype('string[pyarrow]'))", EQUAL
    ),
    frame("floats of pyarrow", "df = base.assign(a=base.a.astype('float64[pyarrow]'))", EQUAL),
    frame("sparse columns", "df = base.assign(a=pd.arrays.SparseArray(base.a))", EQUAL),
    frame("Decimal", "df = base.assign(a=[decimal.Decimal(k) for k in (1, 2, 3, 4)])", EQUAL),
    frame("objects that are numbers", "df = base.assign(a=base.a.astype(object))", EQUAL),
    frame("booleans", "df = base.assign(a=[True, False] * 2)", "same(data.X[:, 0], [1, 0, 1, 0])"),
    frame("columns named by numbers", "df = base.rename(columns={'a': 0, 'b': 1})", EQUAL),
    frame("a view with steps", "df = pd.concat([base, base]).sort_index().iloc[::2]", EQUAL),
    frame("polars", "import polars; df = polars.from_pandas(base)", EQUAL),
    frame(
        "one column name twice",
        "df = base.rename(columns={'b': 'a'})",
        ends=(2,),
        says="both named a",
    ),
    frame(
        "names equal as text",
        "df = base.rename(columns={'a': 1, 'b': '1'})",
        ends=(2,),
        says="both named 1",
    ),
    frame("lists in cells", "df = base.assign(a=[[1], [2], [3], [4]])", LEFT_OUT),
    frame("complex numbers", "df = base.assign(a=base.a + 1j)", LEFT_OUT),
    frame("intervals", "df = base.assign(a=pd.cut(base.a, 2))", LEFT_OUT),
    frame("no rows", "df = base.iloc[:0]", ends=(2,), says="no rows|label"),
    frame("no columns", "df = base[[]]", ends=(2,), says="column"),
)

ARRAYS = (
    api(
        "a list of arrays of one shape",
        "c = clf().fit(list(X), y)\n"
        "assert same(c.predict_proba(X), clf().fit(X, y).predict_proba(X))",
    ),
    api(
        "a list of lists of lists",
        "assert same(clf().fit(X.tolist(), y.tolist()).predict(X), clf().fit(X, y).predict(X))",
    ),
    api(
        "ragged series, one alone as in company",
        "s = [x[: 2 + k % 4] for k, x in enumerate(X)]\n"
        "c = clf().fit(s, y)\nassert np.allclose(c.predict_proba(s[:1]), c.predict_proba(s)[:1], "
        "atol=1e-6)",
    ),
    api(
        "read-only arrays",
        "p = X.copy(); p.flags.writeable = False\nq = y.copy()\n"
        "q.flags.writeable = False\nassert same(clf().fit(p, q).predict_proba(p), "
        "clf().fit(X, y).predict_proba(X))",
    ),
    api(
        "strided views",
        "w = np.repeat(X, 2, axis=1)[:, ::2]\nassert same(clf().fit(w, y)"
        ".predict_proba(w), clf().fit(X, y).predict_proba(X))",
    ),
    api(
        "reversed views",
        "w = X[::-1, ::-1, ::-1]\nassert same(clf().fit(w, y[::-1])"
        ".predict_proba(w), clf().fit(w.copy(), y[::-1].copy()).predict_proba(w.copy()))",
    ),
    api(
        "Fortran order and big-endian",
        "w = np.asfortranarray(X).astype('>f8')\nassert same(clf()"
        ".fit(w, y).predict_proba(w), clf().fit(X, y).predict_proba(X))",
    ),
    api(
        "a subclass of ndarray",
        "class Mine(np.ndarray): pass\nw = X.view(Mine)\nassert same("
        "clf().fit(w, y).predict_proba(w), clf().fit(X, y).predict_proba(X))",
    ),
    api(
        "a memory map",
        "import tempfile, os\nname = tempfile.mktemp()\nm = np.memmap(name, float, "
        "'w+', shape=X.shape)\nm[:] = X\nassert same(clf().fit(m, y).predict_proba(m), clf()"
        ".fit(X, y).predict_proba(X))\nos.remove(name)",
    ),
    api(
        "torch tensors that require gradients",
        "import torch\nt = torch.tensor(X, "
        "requires_grad=True)\nassert same(clf().fit(t, y).predict_proba(t), clf().fit(X, y)"
        ".predict_proba(X))",
        megabytes=8192,
    ),
    api(
        "half precision",
        "h = X.astype(np.float16)\nassert same(clf().fit(h, y).predict_proba(h), "
        "clf().fit(h.astype(float), y).predict_proba(h.astype(float)))",
    ),
    api(
        "integers of 64 bits",
        "i = (X * 9).astype(np.int64)\nassert same(clf().fit(i, y)"
        ".predict_proba(i), clf().fit(i.astype(float), y).predict_proba(i.astype(float)))",
    ),
    api(
        "booleans as X",
        "b = X > 0\nassert same(clf().fit(b, y).predict_proba(b), clf().fit("
        "b.astype(float), y).predict_proba(b.astype(float)))",
    ),
    api(
        "objects that are numbers",
        "o = X.astype(object)\nassert same(clf().fit(o, y)"
        ".predict_proba(o), clf().fit(X, y).predict_proba(X))",
    ),
    api(
        "a masked array without masks",
        "m = np.ma.masked_array(X)\nassert same(clf().fit(m, y)"
        ".predict_proba(m), clf().fit(X, y).predict_proba(X))",
    ),
    api(
        "a masked array with masks is refused, or its masks are missing values",
        "w = X.copy(); w[0, 0, 0] = np.nan\nm = np.ma.masked_array(np.nan_to_num(w, nan=1e6), "
        "np.isnan(w))\nassert refused(lambda: clf().fit(m, y)) or same(clf(missing='mean')"
        ".fit(m, y).predict_proba(m), clf(missing='mean').fit(w, y).predict_proba(w))",
    ),
    api(
        "a generator is refused or read",
        "assert refused(lambda: clf().fit((x for x in X), y)) or True",
    ),
    api(
        "a matrix",
        "m = np.matrix(X[:, :, 0])\nassert refused(lambda: clf().fit(m, y)) or same("
        "clf().fit(m, y).predict(m), clf().fit(X[:, :, 0], y).predict(X[:, :, 0]))",
    ),
    refused(
        "a sparse matrix",
        "import scipy.sparse as s\nclf().fit(s.csr_matrix(X[:, :, 0]), y)",
        "[Ss]parse",
    ),
    refused(
        "sparse matrices in a list",
        "import scipy.sparse as s\nclf().fit([s.csr_matrix(x) for x in X], y)",
        "series 0",
    ),
    refused("complex numbers", "clf().fit(X + 1j, y)", "[Cc]omplex"),
    refused("text as X", "clf().fit(X.astype(str), y)", "numbers|convert|dtype"),
    refused("dates as X", "clf().fit(np.zeros(X.shape, 'M8[s]'), y)", "numbers"),
    refused("no rows", "clf().fit(X[:0], y[:0])", "empty|0 sample|minimum"),
    refused("no steps", "clf().fit(X[:, :0], y)", "empty|steps"),
    refused("no features", "clf().fit(X[..., :0], y)", "empty|features"),
    refused("four axes", "clf().fit(X[None], y)", "dim|axes"),
    refused("one axis", "clf().fit(X[:, 0, 0], y)", "1D|2D|dim"),
    refused("a scalar", "clf().fit(3.0, y)", "3|scalar|dim|array"),
    refused("None", "clf().fit(None, y)", "None|numbers|array|dim"),
    refused("a string as X", "clf().fit('data.csv', y)", "array|numbers|data.csv|dim"),
    refused("a dict", "clf().fit({'a': X}, y)", "array|dict|dim|numbers"),
    refused("one infinite value", "X[3, 1, 0] = np.inf\nclf().fit(X, y)", "infinity"),
    refused(
        "a value that overflows float32",
        "clf().fit(np.full(X.shape, 1e39), y)\nw = X.astype("
        "np.float32)\nc = clf().fit(w, y)\nc.predict(np.full(X.shape, 1e39))",
        "large|infinit",
    ),
)

TARGETS = (
    api(
        "y as a column",
        "assert same(clf().fit(X, y[:, None]).predict(X), clf().fit(X, y).predict(X))",
    ),
    api(
        "y as booleans",
        "c = clf().fit(X, y == 'up')\nassert c.classes_.dtype == bool and "
        "c.predict(X).dtype == bool",
    ),
    api(
        "y as objects",
        "c = clf().fit(X, y.astype(object))\nassert set(c.predict(X)) <= {'up', 'down'}",
    ),
    api(
        "y as a categorical Series with unused classes",
        "import pandas as pd\nc = clf().fit(X, "
        "pd.Series(pd.Categorical(y, ['left', 'up', 'down'])))\nassert list(c.classes_) == ['down',"
        " 'up']",
    ),
    api(
        "y as a Series with another index",
        "import pandas as pd\ns = pd.Series(y, index=range(99, "
        "99 - len(y), -1))\nassert same(clf().fit(X, s).predict(X), clf().fit(X, y).predict(X))",
    ),
    api(
        "y as whole floats",
        "c = clf().fit(X, (y == 'up') * 1.0)\nassert set(c.predict(X)) <= {0.0, 1.0}",
    ),
    api(
        "y as very large integers",
        "v = np.where(y == 'up', 2**62, 2**62 + 1)\nassert set(clf()"
        ".fit(X, v).predict(X).tolist()) <= {2**62, 2**62 + 1}",
    ),
    api(
        "y as 8-bit integers with overflow",
        "v = np.where(y == 'up', 200, 100).astype(np.uint8)\n"
        "r = reg().fit(X, v)\nassert np.allclose(r.predict(X), reg().fit(X, v.astype(float))"
        ".predict(X))",
    ),
    api(
        "a label that occurs once",
        "v = y.copy(); v[0] = 'once'\nassert len(clf().fit(X, v).classes_) == 3",
    ),
    refused("y one-hot", "clf().fit(X, np.eye(2)[(y == 'up') * 1])", "1d|shape|y"),
    refused("y with None", "clf().fit(X, [None, *y[1:]])", "None|mix|label|y|type"),
    refused("y with NaN", "clf().fit(X, [np.nan, *[1.0, 2.0] * 11, 1.0])", "NaN"),
    refused("y continuous", "clf().fit(X, z)", "continuous|class"),
    refused("y of one class", "clf().fit(X, ['a'] * 24)", "one class"),
    refused("y too short", "clf().fit(X, y[:-1])", "23"),
    refused("y missing", "clf().fit(X, None)", "y"),
    refused("text for a regressor", "reg().fit(X, y)", "y|number|convert"),
    refused("infinite targets", "reg().fit(X, np.where(z == z[0], np.inf, z))", "infinity|finite"),
    api(
        "targets near the largest float are refused, or predicted finite",
        "w = z * 1e300\nassert refused(lambda: reg().fit(X, w)) or np.isfinite(reg().fit(X, w)"
        ".predict(X)).all()",
    ),
    api(
        "tiny targets",
        "r = reg(max_steps=200).fit(X, z * 1e-30)\np = r.predict(X)\nassert np."
        "isfinite(p).all() and np.abs(p).max() < 1e-29",
    ),
    api(
        "a constant feature",
        "w = X.copy(); w[..., 1] = 7\nassert np.isfinite(clf().fit(w, y).predict_proba(w)).all()",
    ),
    api(
        "features of all sizes",
        "w = X * [1e-30, 1e30]\nassert np.isfinite(clf().fit(w, y).predict_proba(w)).all()",
    ),
    api(
        "a constant target",
        "p = reg(max_steps=300).fit(X, np.full(24, 5.0)).predict(X)\nassert "
        "np.allclose(p, 5, atol=0.5)",
    ),
    api("one row for a regressor", "assert np.isfinite(reg().fit(X[:1], z[:1]).predict(X)).all()"),
)

HABITS = (
    refused("predict before fit", "clf().predict(X)", "not fitted"),
    refused("transform before fit", "ae().transform(X)", "not fitted"),
    refused("save before fit", "clf().save('m.safetensors')", "not fitted"),
    refused(
        "more features than in fit",
        "clf().fit(X, y).predict(np.zeros((2, 5, 3)))",
        "3 features.*2 features",
    ),
    refused("score with other rows", "clf().fit(X, y).score(X, y[:-1])", "23|inconsistent"),
    api(
        "fit twice with other shapes",
        "c = clf().fit(X, y)\nc.fit(X[..., :1], y == 'up')\nassert "
        "same(c.predict_proba(X[..., :1]), clf().fit(X[..., :1], y == 'up').predict_proba(X[..., "
        ":1]))",
    ),
    api(
        "fit on the same object again gives the same",
        "c = clf().fit(X, y)\na = c.predict_proba(X)\nassert same(c.fit(X, y).predict_proba(X), a)",
    ),
    api(
        "fit changes neither X nor y",
        "p, q = X.copy(), y.copy()\nclf().fit(X, y).predict(X)\nassert same(X, p) and same(y, q)",
    ),
    api(
        "clone",
        "from sklearn.base import clone\nc = clf(hidden_size=5)\nassert clone(c)"
        ".get_params() == c.get_params() and not hasattr(clone(c.fit(X, y)), 'model_')",
    ),
    api(
        "pickle, joblib and deepcopy",
        "import joblib, io\nc = clf().fit(X, y)\nb = io.BytesIO()\n"
        "joblib.dump(c, b); b.seek(0)\nfor d in (pickle.loads(pickle.dumps(c)), copy.deepcopy(c), "
        "joblib.load(b)): assert same(d.predict_proba(X), c.predict_proba(X))",
    ),
    api(
        "save and load",
        "c = clf().fit(X, y)\nc.save('m.safetensors')\nassert same(load("
        "'m.safetensors').predict_proba(X), c.predict_proba(X))",
        leaves=("m.safetensors",),
    ),
    api(
        "threads predict at once",
        "from concurrent.futures import ThreadPoolExecutor as T\nc = "
        "clf().fit(X, y)\na = c.predict_proba(X)\nwith T(8) as pool: assert all(same(p, a) for p "
        "in pool.map(lambda k: c.predict_proba(X), range(50)))",
    ),
    api(
        "threads fit at once",
        "from concurrent.futures import ThreadPoolExecutor as T\na = clf()"
        ".fit(X, y).predict_proba(X)\nwith T(4) as pool: assert all(same(p, a) for p in pool.map("
        "lambda k: clf().fit(X, y).predict_proba(X), range(8)))",
    ),
    api(
        "fork after fit",
        "import multiprocessing as m\nc = clf(threads=2).fit(X, y)\nwith m"
        ".get_context('fork').Pool(2) as pool: assert all(same(p, c.predict_proba(X)) for p in "
        "pool.map(c.predict_proba, [X] * 4))",
    ),
    api(
        "a pipeline",
        "from sklearn.pipeline import make_pipeline as m\nfrom sklearn.preprocessing "
        "import StandardScaler as S\np = m(S(), clf()).fit(X[..., 0], y)\nassert same(p.predict("
        "X[..., 0]), clf().fit(S().fit_transform(X[..., 0]), y).predict(S().fit_transform("
        "X[..., 0])))",
    ),
    api(
        "GridSearchCV",
        "from sklearn.model_selection import GridSearchCV as G\ng = G(clf(), "
        "{'hidden_size': [3, 5]}, cv=2).fit(X, y)\nassert g.best_params_['hidden_size'] in (3, 5)",
    ),
    api(
        "cross_val_score with strings",
        "from sklearn.model_selection import cross_val_score as c\n"
        "assert len(c(clf(), X, y, cv=3, error_score='raise')) == 3",
    ),
    api(
        "cross_val_predict with probabilities",
        "from sklearn.model_selection import "
        "cross_val_predict as c\nassert c(clf(), X, y, cv=3, method='predict_proba').shape == "
        "(24, 2)",
    ),
    api(
        "weights of zero leave rows out",
        "w = np.ones(24); w[:4] = 0\nassert same(clf().fit(X, y, "
        "w).predict_proba(X), clf().fit(X[4:], y[4:]).predict_proba(X))",
    ),
    api(
        "weights as booleans",
        "w = np.ones(24, bool)\nassert np.allclose(clf().fit(X, y, w)"
        ".predict_proba(X), clf().fit(X, y).predict_proba(X), atol=1e-6)",
    ),
    refused("negative weights", "clf().fit(X, y, -np.ones(24))", "[Nn]egative"),
    refused("weights of NaN", "clf().fit(X, y, np.full(24, np.nan))", "NaN"),
    refused("weights all zero", "clf().fit(X, y, np.zeros(24))", "weight|zero|0"),
    refused("weights for other rows", "clf().fit(X, y, np.ones(23))", "23|shape"),
    refused("weights as a matrix", "clf().fit(X, y, np.ones((24, 24)))", "1D|shape"),
    refused("a class weight for no class", "clf(class_weight={'left': 2}).fit(X, y)", "left|class"),
    refused("a class weight below zero", "clf(class_weight={'up': -1}).fit(X, y)", "class_weight"),
    refused("a parameter that is none", "clf().set_params(hiden_size=3)", "hiden_size"),
    refused("a parameter of another type", "clf(hidden_size='4').fit(X, y)", "hidden_size"),
    refused("a float for a whole number", "clf(hidden_size=4.5).fit(X, y)", "hidden_size"),
    refused("NaN as a learning rate", "clf(lr=float('nan')).fit(X, y)", "lr"),
    refused("a list as a cell", "clf(cell=['gru']).fit(X, y)", "cell"),
    refused(
        "a random state that is text", "clf(random_state='zero').fit(X, y)", "seed|zero|random"
    ),
    refused("a negative random state", "clf(random_state=-1).fit(X, y)", "random_state"),
    refused("an array as a parameter", "clf(epochs=np.array([1, 2])).fit(X, y)", "epochs"),
    api(
        "numpy scalars as parameters",
        "assert same(clf(hidden_size=np.int64(4), lr=np.float32("
        "0.01)).fit(X, y).predict(X), clf().fit(X, y).predict(X))",
    ),
    api(
        "True as a whole number is refused or counts as one",
        "assert refused(lambda: clf(layers="
        "True).fit(X, y)) or same(clf(layers=True).fit(X, y).predict(X), clf().fit(X, y)"
        ".predict(X))",
    ),
    api(
        "pathlib and text as paths",
        "from pathlib import Path\nc = clf().fit(X, y)\nc.save('a.s')\n"
        "c.save(Path('b.s'))\nassert Path('a.s').read_bytes() == Path('b.s').read_bytes()",
        leaves=("a.s", "b.s"),
    ),
    refused("save into a missing folder", "clf().fit(X, y).save('no/m.s')", "no/m.s"),
    refused("load of a folder", "load('.')", r"\.", (2, 3, 4)),
    refused("load of what is not there", "load('no.safetensors')", "no.safetensors"),
    refused(
        "a run folder that exists",
        "import os; os.mkdir('r')\nopen('r/x', 'w').write('mine')\n"
        "try: clf().fit(X, y, run_dir='r')\nfinally:\n  assert os.listdir('r') == ['x']\n"
        "  os.remove('r/x'); os.rmdir('r')",
        "r",
        (2, 3),
    ),
    refused(
        "a callback that raises",
        "class C(hs.Callback):\n  def on_log(self, trainer, event): "
        "raise ValueError('mine')\nclf(log_every=1).fit(X, y, callbacks=[C()])",
        "mine",
    ),
    refused("a callback that is none", "clf().fit(X, y, callbacks=[3])", "callback|on_|int"),
    refused(
        "partial_fit with other features",
        "r = reg(stateful=True, output='steps', batch_size=1)"
        "\nr.partial_fit(X[:2], X[:2, :, 0])\nr.partial_fit(X[:2, :, :1], X[:2, :, 0])",
        "features",
    ),
    refused("series of no steps", "clf().fit([*X[:-1], X[0][:0]], y)", "no steps"),
    refused("series with other features", "clf().fit([*X[:-1], X[0][:, :1]], y)", "features"),
    refused(
        "unequal series for an autoencoder",
        "ae().fit([x[: 2 + k % 3] for k, x in enumerate(X)])",
        "length",
    ),
    api(
        "an autoencoder takes back its own codes",
        "a = ae().fit(X)\nassert a.inverse_transform(a.transform(X[:3])).shape == (3, 5, 2)",
    ),
    refused("codes of another size", "ae().fit(X).inverse_transform(np.zeros((2, 9)))", "9|code"),
    refused(
        "infinite codes",
        "ae().fit(X).inverse_transform(np.full((2, 2), np.inf))",
        "infinity|finite",
    ),
    api(
        "a list of predictions of rows that are alone",
        "c = clf().fit(X, y)\nassert same(np.concatenate([c.predict(X[k : k + 1]) for k in "
        "range(24)]), c.predict(X))",
    ),
)

ALL: tuple[Abuse, ...] = (*FRAMES, *ARRAYS, *TARGETS, *HABITS)
