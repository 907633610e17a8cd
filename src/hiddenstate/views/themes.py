"""The colours of figures and pages by role, in two themes; needs no library."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Theme:
    """Colours by role.

    `target` and `prediction` are the red and blue of the classic scripts. Of all pairs with their
    contrast, these are the easiest to distinguish for colour-blind people.
    """

    name: str
    ground: str
    paper: str  # of pixels without ink
    ink: str
    muted: str
    faint: str
    target: str
    prediction: str
    residual: str
    right: str
    wrong: str
    batch: str
    train: str
    valid: str
    test: str
    baseline: str
    carried: str
    reset: str
    classes: tuple[str, ...]


# Ten colours that colour-blind people can distinguish: M. A. Petroff, "Accessible Color Sequences
# for Data Visualization" (2021), arXiv:2107.02270, table 1.
PETROFF = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)

# Ten more, found by exchange: of the colours with some contrast to both grounds, those whose least
# distance in OKLab (B. Ottosson, 2020) to one another and to the ten is largest, for normal sight
# and under the simulation of three deficiencies by G. M. Machado, M. M. Oliveira and
# L. A. F. Fernandes (2009), doi:10.1109/TVCG.2009.113. The tests compute the distances.
MORE = (
    "#ee44ff",
    "#2277aa",
    "#ddcc88",
    "#555555",
    "#6600ee",
    "#77bbee",
    "#991188",
    "#bb8866",
    "#8888aa",
    "#ee8800",
)

_LIGHT = Theme(
    name="light", ground="#ffffff", paper="#ffffff",
    ink="#1b1f24", muted="#626b76", faint="#e3e6ea",
    target="#c6262e", prediction="#1f6fb4", residual="#1b1f24", right="#1f6fb4", wrong="#c6262e",
    batch="#b3bac4", train="#1f6fb4", valid="#b36200", test="#1f6fb4", baseline="#626b76",
    carried="#1f6fb4", reset="#b36200", classes=PETROFF + MORE,
)  # fmt: skip

# Two of the ten are too dark for this background, and lighter here.
_DARK = Theme(
    name="dark", ground="#15181e", paper="#1d2129",
    ink="#e8eaed", muted="#9aa3ae", faint="#2e343d",
    target="#ff7a6b", prediction="#6cb6ff", residual="#e8eaed", right="#6cb6ff", wrong="#ff7a6b",
    batch="#5f6975", train="#6cb6ff", valid="#f2b04e", test="#6cb6ff", baseline="#9aa3ae",
    carried="#6cb6ff", reset="#f2b04e",
    classes=tuple({"#bd1f01": "#d8351a", "#832db6": "#a04fd6"}.get(c, c) for c in PETROFF + MORE),
)  # fmt: skip

BY_NAME = {"light": _LIGHT, "dark": _DARK}
"""The themes by name."""

THEMES = tuple(BY_NAME)
"""Names of the themes; the first is the default."""
