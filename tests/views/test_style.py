"""Colour-blind people can distinguish the colours of both themes; texts are drawn literally.

Colour vision deficiency is simulated with the matrices of G. M. Machado, M. M. Oliveira and
L. A. F. Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency"
(2009), at full severity, on linear RGB. Distances are in OKLab (B. Ottosson, 2020), where 0.02 is
just visible; contrast is that of WCAG 2.2, which requires 3 for graphics and 4.5 for text.
"""

import io
import itertools
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb

from hiddenstate.views import figures, style
from hiddenstate.views.figures.cloud import MARKS
from hiddenstate.views.themes import PETROFF, THEMES


def matrix(*numbers):
    return np.reshape(numbers, (3, 3))


SEEN = {
    "normal": np.eye(3),
    "protanopia": matrix(
        *(0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216),
        *(-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": matrix(
        *(0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413),
        *(-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": matrix(
        *(1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602),
        *(0.004733, 0.691367, 0.303900),
    ),
}

CONES = matrix(
    *(0.4122214708, 0.5363325363, 0.0514459929, 0.2119034982, 0.6806995451, 0.1073969566),
    *(0.0883024619, 0.2817188376, 0.6299787005),
)

LAB = matrix(
    *(0.2104542553, 1.9779984951, 0.0259040371, 0.7936177850, -2.4285922050, 0.7827717662),
    *(-0.0040720468, 0.4505937099, -0.8086757660),
)

TOLD_APART = [
    *[("target", "prediction"), ("right", "wrong"), ("carried", "reset")],
    *[("train", "valid"), ("train", "batch")],
]


def oklab(color, seen):
    part = np.asarray(to_rgb(color))
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    linear = np.clip(SEEN[seen] @ linear, 0, 1)
    return np.cbrt(CONES @ linear) @ LAB


def distance(a, b, seen):
    return float(np.linalg.norm(oklab(a, seen) - oklab(b, seen)))


def contrast(a, b):
    low, high = sorted(style.luminance(color) for color in (a, b))
    return (high + 0.05) / (low + 0.05)


@pytest.fixture(params=THEMES)
def theme(request):
    with style.theme(request.param) as chosen:
        yield chosen


@pytest.mark.parametrize("seen", SEEN)
@pytest.mark.parametrize(("one", "other"), TOLD_APART)
def test_colour_blind_people_can_distinguish_roles_in_a_figure(theme, one, other, seen):
    assert distance(getattr(theme, one), getattr(theme, other), seen) > 0.15


@pytest.mark.parametrize("seen", SEEN)
def test_colour_blind_people_can_distinguish_twenty_classes(theme, seen):
    colors = [to_hex(color) for color in style.class_colors(20)]
    assert min(distance(a, b, seen) for a, b in itertools.combinations(colors, 2)) > 0.05
    assert min(contrast(color, theme.ground) for color in colors) > 1.5


@pytest.mark.parametrize("seen", SEEN)
def test_the_rainbow_is_worse_which_is_why_it_is_an_option(seen):
    rainbow = [color[:3] for color in style.class_colors(10, rainbow=True)]
    least = min(distance(a, b, seen) for a, b in itertools.combinations(rainbow, 2))
    assert least < min(distance(a, b, seen) for a, b in itertools.combinations(PETROFF, 2))


def test_text_and_lines_contrast_with_the_background(theme):
    for role in ("ink", "muted"):
        assert contrast(getattr(theme, role), theme.ground) > 4.5, role
    for role in ("target", "prediction", "right", "wrong", "train", "valid", "carried", "reset"):
        assert contrast(getattr(theme, role), theme.ground) > 3, role
    assert contrast(theme.ink, theme.paper) > 4.5


def test_labels_contrast_with_the_colour_of_their_class(theme):
    for n in (10, 30):
        for color in style.class_colors(n):
            assert contrast(color[:3], style.readable_on(color[:3])) > 4.5


def test_colour_blind_people_can_distinguish_positive_and_negative_states(theme):
    low, high = style.signed_map()([0.2, 0.8])
    for seen in SEEN:
        assert distance(low[:3], high[:3], seen) > 0.15
    np.testing.assert_allclose(style.signed_map()(0.5)[:3], to_rgb(theme.ground), atol=0.02)


def test_every_number_of_classes_has_as_many_colours(theme):
    for n in (1, 2, 10, 11, 20):
        for rainbow in (False, True):
            colors = style.class_colors(n, rainbow)
            assert colors.shape == (n, 4)
            assert len(np.unique(colors, axis=0)) == n


def test_more_classes_differ_in_colour_or_shape(theme):
    colors = style.class_colors(100)
    assert len({(*color, MARKS[number % len(MARKS)]) for number, color in enumerate(colors)}) == 100


def test_a_theme_restores_all_settings():
    before = dict(mpl.rcParams)
    with style.theme("dark"):
        assert style.now().name == "dark"
        with style.theme(), style.theme("light"):
            assert style.now().name == "light"
        assert style.now().name == "dark"
    assert dict(mpl.rcParams) == before
    assert style.now().name == "light"


def test_the_settings_of_a_user_change_no_figure():
    def drawn():
        with style.theme():
            figure = figures.learning([{"step": 0, "loss": 1.0, "mean_loss": 1.0}])
            data = io.BytesIO()
            FigureCanvasAgg(figure)
            figure.savefig(data, format="raw")
        return data.getvalue()

    own: Any = {
        "text.usetex": True,
        "savefig.dpi": 100_000,
        "lines.linewidth": 9,
        "timezone": "CET",
    }
    plain = drawn()
    with mpl.rc_context(own):
        assert drawn() == plain


def test_figures_keep_their_theme_when_they_are_drawn_later():
    with style.theme("dark") as dark:
        figure = figures.learning([{"step": 0, "loss": 1.0, "mean_loss": 1.0}])
    (axes,) = figure.axes
    axes.set_ylim(0, 100)  # matplotlib makes new ticks
    figure.draw_without_rendering()
    assert figure.get_facecolor()[:3] == pytest.approx(to_rgb(dark.ground))
    assert {label.get_color() for label in axes.get_yticklabels()} == {dark.muted}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("walking", "walking"),
        ("", '""'),
        ("a\nb", r"a\nb"),
        ("$x$", r"\$x\$"),
        (r"\$x", r"\\$x"),  # drawn literally: matplotlib removes one backslash
        ("\u202eabc", r"\u202eabc"),
        ("class " + "0" * 30 + "17", "class 00000000…000017"),
        ("\U000f0000", r"\U000f0000"),
    ],
)
def test_names_are_drawn_literally(text, shown):
    assert style.plain(text) == shown


def test_short_names_that_begin_and_end_alike_stay_distinct():
    names = ["walking_up_the_stairs", "walking_on_the_stairs", "walking_down_the_stairs", "sitting"]
    short = style.shortened(names, 11)
    assert short == ["wal…up_…", "wal…on_…", "wal…dow…", "sitting"]
    assert style.shortened(["the_same_name"] * 2, 8) == ["the_sa…"] * 2


@pytest.mark.parametrize("limit", [10, 12, 14, 20])
def test_names_that_differ_in_two_places_stay_distinct(limit):
    ways = [f"walking {way}stairs" for way in ("up", "down")]
    names = [f"{way} with{load}" for way in ways for load in (" a heavy bag", "out a bag")]
    short = style.shortened(names, limit)
    assert len(set(short)) == len(names)
    assert all(style.letters(name) <= limit for name in short)
