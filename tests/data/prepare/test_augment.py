"""Augmented rows: a pure function of (seed, draw, row), equal to a loop over one row."""

import math

import numpy as np
import pytest

from hiddenstate.config.augment_kinds import KINDS
from hiddenstate.data.prepare.augment import PARTS, augmentation
from hiddenstate.data.prepare.augment_maps import KNOTS, PART
from hiddenstate.data.prepare.augment_numbers import hashes, normal
from hiddenstate.data.store import RowStore

PICTURES = {name: kind.strength for name, kind in KINDS.items()}
SEED = 7


def series(dtype="float64", n=40, T=30, ragged=True, seed=0):
    """Rows of two signals, a flag, and the marks of missing values of these three."""
    random = np.random.default_rng(seed)
    X = np.zeros((n, T, 6), dtype)
    X[..., :2] = random.normal(1, 2, (n, T, 2))
    X[..., 2] = random.random((n, T)) < 0.3
    X[..., 4] = random.random((n, T)) < 0.2
    X[..., 1][X[..., 4] > 0] = 0
    lengths = np.full(n, T)
    if ragged:
        lengths = np.array([T, 3, 1, *random.integers(1, T + 1, n - 3)])
    X[np.arange(T) >= lengths[:, None]] = 0
    return X, random.integers(0, 3, n), lengths


SERIES = {name: kind.strength for name, kind in KINDS.items() if name != "rotate"}


def what_of(X, y, lengths, strengths=SERIES, **facts):
    return augmentation(X, strengths, y, lengths, **facts)


def applied(what, X, lengths, rows, draws, dtype="float64", seed=SEED):
    return what.apply(X, np.asarray(rows), np.asarray(draws), seed, dtype, lengths)


class OneRow:
    """The same, written as loops over one row; `strengths` are those of `SERIES`."""

    def __init__(self, what, X, lengths, row, draw):
        self.what, self.X, self.lengths, self.row, self.draw = what, X, lengths, row, draw
        self.n = int(lengths[row])

    def numbers(self, purpose, count):
        return hashes(SEED, purpose, np.array([self.draw]), np.array([self.row]), count)[0]

    def uniform(self, purpose, count=1):
        return [int(number >> np.uint64(11)) / 2**53 for number in self.numbers(purpose, count)]

    def normals(self, purpose, count):
        return normal(self.numbers(purpose, count))

    def strength(self, kind):
        return self.what.strengths[kind] * (self.uniform(f"{kind}?")[0] < PARTS[kind])

    def moved(self, *sizes):
        on, strength = self.strength("shift") > 0, self.what.strengths["shift"]
        ways = [2 * u - 1 for u in self.uniform("shift", len(sizes))]
        return [on * round(max(strength * n, 1) * way) for n, way in zip(sizes, ways, strict=True)]

    def curve(self, knots, part):
        return np.interp(part, np.linspace(0, 1, KNOTS), knots)

    def place(self, t):
        """Return the place where step t is read."""
        if self.n < 4:
            return t
        part = (t + self.moved(self.n - 1)[0]) / (self.n - 1)
        share, place = self.uniform("crop", 2)
        cut = min(self.strength("crop") * share, max(0, 1 - 3 / (self.n - 1)))
        part = place * cut + min(max(part, 0), 1) * (1 - cut)
        speed = np.exp(self.strength("warp") * self.normals("warp", KNOTS))
        fine = np.linspace(0, 1, 5 * 400 + 1)  # the speed is straight between any two of these
        at = self.curve(speed, fine)
        means = (at[1:] + at[:-1]) / 2
        return np.interp(part, fine, [0, *np.cumsum(means)]) / sum(means) * (self.n - 1)

    def changed(self):
        x, n = self.X[self.row], self.n
        y, places = np.zeros_like(x), [self.place(t) for t in range(n)]
        steps = np.arange(n)
        mates = []
        classes = self.what.classes
        everyone = sorted(range(len(classes)), key=classes.__getitem__)
        for kind in ("mix", "blend"):
            if self.uniform(f"{kind}?")[0] < PARTS[kind]:
                share, place = self.uniform(kind, 2)
                own = [i for i in everyone if kind == "blend" or classes[i] == classes[self.row]]
                mates += [(own[int(place * len(own))], share * self.what.strengths[kind])]
        knots = self.strength("scale") * self.normals("scale", KNOTS)
        size = self.strength("jitter") * self.uniform("jitter size")[0]
        noise = size * self.normals("jitter", x.size).reshape(x.shape)
        for t in range(n):
            nearest = math.floor(places[t] + 0.5)
            for f in range(x.shape[1]):
                value = np.interp(places[t], steps, x[:n, f])
                for mate, share in mates:
                    m = int(self.lengths[mate])
                    at = places[t] * (m - 1) / max(n - 1, 1)
                    other = np.interp(at, np.arange(m), self.X[mate, :m, f])
                    value = (1 - share) * value + share * other
                centre = self.what.means[f]
                value = (
                    centre
                    + (value - centre) * (1 + self.curve(knots, t / max(n - 1, 1)))
                    + noise[t, f] * self.what.deviations[f]
                )
                is_missing = f < 3 and x[nearest, 3 + f] != 0
                y[t, f] = x[nearest, f] if self.what.flags[f] or is_missing else value
        return y


def test_rows_equal_a_loop_over_one_row():
    X, y, lengths = series(n=24, T=12)
    what = what_of(X, y, lengths, masked=True)
    assert what.flags.tolist() == [False, False, True, True, True, True]
    got = applied(what, X, lengths, np.arange(24), np.arange(24) % 5)
    for row in range(24):
        expected = OneRow(what, X, lengths, row, row % 5).changed()
        np.testing.assert_allclose(got[row], expected, atol=2e-5)


def test_blends_of_two_classes_are_those_that_another_row_is_mixed_into():
    X, y, lengths = series(n=40, T=12)
    what = what_of(X, y, lengths, {"blend": 0.5}, weights=np.arange(40) % 4 > 0)
    rows, draws = np.repeat(np.arange(40), 5), np.tile(np.arange(5), 40)
    chosen, share, mates = what.mixed("blend", rows, draws, SEED)
    assert (mates % 4 > 0).all()
    assert share.max() <= 0.5
    assert 0.1 < len(chosen) / len(rows) < 0.3
    blended = np.zeros(200, bool)
    blended[chosen] = y[mates] != y[rows[chosen]]
    np.testing.assert_array_equal(what.blended(rows, draws, SEED), blended)
    changed = (applied(what, X, lengths, rows, draws) != X[rows]).any(axis=(1, 2))
    assert changed[blended].all()


def test_standardised_rows_are_standardised_again():
    X = np.random.default_rng(0).normal(size=(20, 40, 2))
    X[..., 0] -= X[..., 0].mean(axis=1, keepdims=True)
    X[..., 0] /= X[..., 0].std(axis=1, keepdims=True)
    what = what_of(X, np.zeros(20, int), None)
    assert what.standard.tolist() == [True, False]
    out = applied(what, X, None, np.arange(20), np.zeros(20, int))
    np.testing.assert_allclose(out[..., 0].mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(out[..., 0].std(axis=1), 1, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_row_does_not_depend_on_the_others(dtype):
    X, y, lengths = series(dtype)
    what = what_of(X, y, lengths, masked=True)
    rows, draws = np.tile(np.arange(40), 3), np.repeat([0, 1, 9], 40)
    whole = applied(what, X, lengths, rows, draws, dtype)
    assert whole.dtype == dtype
    order = np.random.default_rng(1).permutation(120)
    shuffled = applied(what, X, lengths, rows[order], draws[order], dtype)
    np.testing.assert_array_equal(shuffled, whole[order])
    for i in range(0, 120, 7):
        one = applied(what, X, lengths, rows[i : i + 1], draws[i : i + 1], dtype)
        np.testing.assert_array_equal(one[0], whole[i])


def test_seed_draw_and_row_change_a_row():
    X = np.repeat(series(n=1, ragged=False)[0], 2, axis=0)
    what, T = what_of(X, np.zeros(2, int), None), X.shape[1]
    lengths = np.full(2, T)
    outs = [
        applied(what, X, lengths, [r], [d], seed=s)
        for r, d, s in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    ]
    assert len({out.tobytes() for out in outs}) == 4


def test_rows_keep_their_length_and_are_finite():
    X, y, lengths = series("float32")
    out = applied(what_of(X, y, lengths), X, lengths, np.arange(40), np.full(40, 3), "float32")
    assert out.shape == X.shape
    assert np.isfinite(out).all()
    assert not out[np.arange(X.shape[1]) >= lengths[:, None]].any()


def test_features_are_those_of_rows_with_a_weight_from_all_parts_of_the_data(monkeypatch):
    monkeypatch.setattr("hiddenstate.data.prepare.augment.PIECE", 8 * 9 * 4)
    X = np.repeat(np.arange(40.0)[:, None, None], 9, axis=1)
    what = augmentation(X, {"jitter": 1.0}, weights=np.where(np.arange(40) < 8, 0.0, 1.0))
    assert what.means == X[8::8].mean()
    assert what.noise == X[8::8].std()


def test_rows_are_mixed_with_rows_of_their_class_that_have_a_weight():
    y = np.arange(40) % 4
    X = np.repeat(y[:, None, None], 9, axis=1) + np.linspace(0, 0.1, 40)[:, None, None]
    weights = np.where(np.arange(40) < 8, 0.0, 1.0)
    X[:8] = np.nan
    what = augmentation(X, {"mix": 1.0}, y, weights=weights)
    out = what.apply(X, np.arange(8, 40), np.zeros(32, int), SEED, "float64")
    np.testing.assert_array_equal(np.floor(out), np.floor(X[8:]))
    assert (out != X[8:]).any()
    few = what.take(np.arange(20, 40))
    assert (few.mates[2] == 5).all()


def test_a_row_that_nothing_changes_keeps_its_bits():
    X, y, lengths = series("float32", n=300)
    out = applied(
        what_of(X, y, lengths, {"warp": 0.25, "crop": 0.1}),
        X,
        lengths,
        np.arange(300),
        np.zeros(300, int),
        "float32",
    )
    same = (out == X).all(axis=(1, 2))
    expected = (1 - PARTS["warp"]) * (1 - PARTS["crop"])
    assert same[lengths > 3].mean() == pytest.approx(expected, abs=0.1)
    assert same[lengths <= 3].all()


def picture_loop(what, X, row, draw, height, width):
    one = OneRow(what, X, np.full(len(X), height), row, draw)
    angle = math.radians(one.strength("rotate") * (2 * one.uniform("rotate")[0] - 1))
    zoom = 1 + one.strength("crop") * (2 * one.uniform("crop")[0] - 1)
    shift = one.moved(height, width)
    knots = one.strength("warp") * one.normals("warp", 2 * KNOTS**2).reshape(2, KNOTS, KNOTS)
    x, grid = X[row] / 255, np.linspace(0, 1, KNOTS)
    out = np.zeros((height, width))
    for i in range(height):
        for j in range(width):
            u, v = i - (height - 1) / 2, j - (width - 1) / 2
            moved = [
                np.interp(
                    j / (width - 1),
                    grid,
                    [np.interp(i / (height - 1), grid, k[:, m]) for m in range(KNOTS)],
                )
                for k in knots
            ]
            r = zoom * (math.cos(angle) * u + math.sin(angle) * v) + (height - 1) / 2
            c = zoom * (math.cos(angle) * v - math.sin(angle) * u) + (width - 1) / 2
            r = min(max(r + shift[0] + height * PART * moved[0], 0), height - 1)
            c = min(max(c + shift[1] + width * PART * moved[1], 0), width - 1)
            lines = [np.interp(c, np.arange(width), line) for line in x]
            out[i, j] = np.interp(r, np.arange(height), lines)
    return out


@pytest.mark.parametrize("flat", [False, True])
def test_pictures_move_in_both_axes(flat):
    height, width = 9, 7
    pixels = np.random.default_rng(0).integers(0, 256, (12, height, width)).astype(np.uint8)
    kinds = {name: PICTURES[name] for name in ("warp", "crop", "shift", "rotate")}
    X = pixels.reshape(12, -1) if flat else pixels
    what = augmentation(X, kinds, picture=(height, width))
    out = what.apply(X, np.arange(12), np.arange(12), SEED, "float64")
    assert out.shape == X.shape
    for row in range(12):
        expected = picture_loop(what, pixels, row, row, height, width)
        np.testing.assert_allclose(out[row].reshape(height, width), expected, atol=5e-3)


def test_the_colours_of_a_picture_move_together():
    pixels = np.random.default_rng(0).integers(0, 256, (6, 9, 7, 3)).astype(np.uint8)
    kinds = {name: PICTURES[name] for name in ("warp", "crop", "shift", "rotate", "scale")}

    def changed(X, picture):
        what = augmentation(X, kinds, picture=picture)
        return what.apply(X, np.arange(6), np.arange(6), SEED, "float32")

    together = changed(pixels.reshape(6, 9, 21), (9, 7, 3)).reshape(6, 9, 7, 3)
    for color in range(3):
        alone = changed(np.ascontiguousarray(pixels[..., color]), (9, 7))
        np.testing.assert_array_equal(together[..., color], alone)


def test_pixels_stay_fractions():
    X = 255 * np.random.default_rng(0).integers(0, 2, (30, 8, 8)).astype(np.uint8)
    what = augmentation(X, PICTURES, np.zeros(30, int), picture=(8, 8))
    out = what.apply(X, np.arange(30), np.zeros(30, int), SEED, "float32")
    assert out.dtype == np.float32
    assert out.min() == 0
    assert out.max() == 1


def test_flat_rows_get_noise_but_not_their_flags():
    X = np.random.default_rng(0).normal(5, 3, (50, 4))
    X[:, 2] = np.arange(50) % 2
    what = augmentation(X, {"jitter": 0.5})
    out = what.apply(X, np.arange(50), np.zeros(50, int), SEED, "float64")
    assert ((out != X).mean(axis=0) > 0.3).tolist() == [True, True, False, True]


def test_rows_of_a_store_are_those_of_an_array(tmp_path):
    X, y, _ = series("float32", ragged=False)
    X.tofile(tmp_path / "rows")
    store = RowStore(tmp_path / "rows", 0, X.shape, X.dtype)
    rows, draws = np.arange(40)[::-1], np.full(40, 2)
    outs = [what_of(each, y, None).apply(each, rows, draws, SEED, "float32") for each in (X, store)]
    np.testing.assert_array_equal(*outs)
