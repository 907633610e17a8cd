"""What stands beside the nets of a trained classifier: what each kind offers, and its file."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, Self, TypeVar, cast

import numpy as np

from hiddenstate.data.rows import Rows
from hiddenstate.data.store import RowStore
from hiddenstate.errors import UntrustedFileError, printable
from hiddenstate.models.net import Net, Params
from hiddenstate.program.companions import Companion, combine
from hiddenstate.program.words import Words
from hiddenstate.system.array_file import Layout
from hiddenstate.system.strict_json import check_fields
from hiddenstate.system.threads import Lock
from hiddenstate.system.typing import Array

LARGEST_SCALE = 2**31
"""Above all factors of logarithms of probabilities."""

FITS_KEPT = 3
"""The last fits on all rows that are kept in memory."""

Kind = TypeVar("Kind", bound="FittedCompanion", covariant=True)


@dataclass(frozen=True)
class Fit(Generic[Kind]):
    """A companion, and what it says of each training row without having seen it.

    Parameters
    ----------
    companion : FittedCompanion
        Alone: the share of the nets is 0.
    held_out : ndarray (N, C)
        Logits of each row from a companion that did not learn from it: of rows that were left out,
        those of `companion`, else of one that leaves the row, or its whole group, out too.
    """

    companion: Kind
    held_out: Array


_KEPT: "dict[bytes, Fit[FittedCompanion]]" = {}
"""The last fits, by what they follow from; the oldest first."""

_KEEPING = Lock()


def _key(name: str, rows: Rows, n_classes: int, seed: int) -> bytes:
    """Return a digest of all that a fit follows from; the number of threads does not matter."""
    digest = hashlib.blake2b(f"{name} {n_classes} {seed}".encode())
    for array in (rows.X[:], rows.y, rows.lengths, rows.weights, rows.groups):
        values = np.empty(0) if array is None else np.ascontiguousarray(array)
        digest.update(f"{values.dtype} {values.shape}".encode())
        plain = values.dtype != object
        digest.update(values.tobytes() if plain else repr(values.tolist()).encode())
    return digest.digest()


class FittedCompanion(ABC):
    """What stands beside the nets of a trained classifier; a dataclass with its arrays.

    Attributes
    ----------
    words : Words
        What it is called.
    types : dict
        Type and number of axes of each array in a model file.
    most_rows : int or None
        Most training rows that it is fitted on.
    net_share : float
        Share of the nets, and of companions before it, in the probabilities, from 0 to 1.
    net_scale : float
        Factor of their logarithms of probabilities, which makes them as certain as they should be:
        labels that are smoothed in training make them less certain.
    """

    words: ClassVar[Words]
    types: ClassVar[dict[str, tuple[Any, int]]]
    most_rows: ClassVar[int | None] = None
    net_share: float
    net_scale: float

    @classmethod
    @abstractmethod
    def bytes_needed(cls, n_rows: int) -> int:
        """Return the memory that fitting needs."""

    @classmethod
    @abstractmethod
    def is_baseline(cls, train: Rows, test: Rows) -> bool:
        """Return whether it is fitted and scored also for nets that it does not stand beside."""

    @classmethod
    @abstractmethod
    def why_unfit(cls, rows: Rows) -> str | None:
        """Return why it cannot teach a net these training rows, or None if it can."""

    @classmethod
    def fit(cls, rows: Rows, n_classes: int, seed: int = 0, threads: int = 0) -> Fit[Self]:
        """Fit on all training rows; see :meth:`fits`.

        The last fits are kept: the recipe, augmentation, a teacher and the model may need the same.
        """
        key = _key(cls.__name__, rows, n_classes, seed)
        with _KEEPING:
            fit = _KEPT.pop(key, None)
        if fit is None:
            fit = cls.fits(rows, n_classes, [np.zeros(len(rows), bool)], seed, threads)[0]
        with _KEEPING:
            _KEPT[key] = fit
            while len(_KEPT) > FITS_KEPT:
                del _KEPT[next(iter(_KEPT))]
        return cast(Fit[Self], fit)

    @classmethod
    @abstractmethod
    def fits(
        cls,
        rows: Rows,
        n_classes: int,
        left_out: Sequence[Array],
        seed: int = 0,
        threads: int = 0,
    ) -> list[Fit[Self]]:
        """Fit several times on training rows, each time without some of them.

        Parameters
        ----------
        rows : Rows
            Transformed, X (N, T, I) and class numbers y (N,). With groups, those are left out as a
            whole; weights count, and rows of weight 0 are not learned from.
        n_classes : int
        left_out : sequence of ndarray of bool (N,)
            The rows that each fit does not learn from. What follows from inputs alone may be the
            same for all.
        seed : int, default 0
        threads : int, default 0
            0 leaves the choice to the kernels.
        """

    @abstractmethod
    def logits(self, X: Array | RowStore, lengths: Array | None = None, threads: int = 0) -> Array:
        """Return the logits (N, C) of kept rows X (N, T, I), float64; of a row with NaN, NaN."""

    @abstractmethod
    def meaning(self) -> Companion:
        """Return what it is in a program."""

    @abstractmethod
    def arrays(self) -> Params:
        """Return its arrays by the names in `types`."""

    @classmethod
    @abstractmethod
    def of_arrays(cls, arrays: Params, net: Net) -> Self | None:
        """Return the companion, alone, with arrays of the names and `types`; None if they do not
        fit one another or the net."""

    def with_share(self, share: float, scale: float) -> Self:
        """Return it with another share and factor of the nets."""
        return replace(self, net_share=share, net_scale=scale)  # type: ignore[type-var]

    def join(
        self, net: Array | None, X: Array | RowStore, lengths: Array | None, threads: int
    ) -> Array:
        """Return the logits (N, C) of the answer, float64, from those of the nets; None if these
        have no share."""
        own = self.logits(X, lengths, threads)
        return combine(own if net is None else net, own, self.net_share, self.net_scale)

    def about(self) -> str:
        """Return what it is, with its size, such as "9,996 fixed convolutions"."""
        return f"{self.meaning().size:,} {self.words.title}"

    def facts(self) -> dict[str, float]:
        """Return everything but the arrays, as values for JSON."""
        return {"net_share": self.net_share, "net_scale": self.net_scale}

    @classmethod
    def prefix(cls) -> str:
        """Return how the names of its arrays begin in a model file."""
        return f"{cls.words.name}/"

    @classmethod
    def check_layout(cls, layout: Layout, where: str) -> None:
        """Refuse arrays that have the prefix, but another name, type or number of axes."""
        for name, (dtype, shape) in layout.items():
            wanted = cls.types.get(name.removeprefix(cls.prefix()))
            if name.startswith(cls.prefix()) and (dtype, len(shape)) != wanted:
                what = f"{printable(name, 60)} is {dtype} {shape}"
                raise UntrustedFileError(f"{cls._damaged(where)}: {what}")

    @classmethod
    def read(cls, stored: Any, arrays: Params, net: Net, where: str) -> Self | None:
        """Return the companion of a model file, or None if it has none of this kind.

        Parameters
        ----------
        stored : object
            Its facts, or None.
        arrays : dict of ndarray
            All of the file.
        net : Net
        where : str
            Names the file in errors.

        Raises
        ------
        UntrustedFileError
            If facts and arrays are damaged, or do not fit one another or the net.
        """
        begin = cls.prefix()
        own = {n.removeprefix(begin): a for n, a in arrays.items() if n.startswith(begin)}
        if stored is None and not own:
            return None
        fields = {"net_share": (float, int), "net_scale": (float, int)}
        damaged = cls._damaged(where)
        facts = check_fields(stored or {}, fields, damaged)
        if not net.kind.has_classes:
            raise UntrustedFileError(f"{damaged}: only a classifier has some")
        if set(own) != set(cls.types):
            raise UntrustedFileError(f"{damaged}: expected the arrays {', '.join(cls.types)}")
        cls.check_layout({begin + name: (a.dtype, a.shape) for name, a in own.items()}, where)
        share, scale = float(facts["net_share"]), float(facts["net_scale"])
        made = cls.of_arrays(own, net)
        if made is None or not 0 <= share <= 1 or not 0 < scale < LARGEST_SCALE:
            raise UntrustedFileError(f"{damaged}: they do not fit one another or the network")
        return made.with_share(share, scale)

    @classmethod
    def _damaged(cls, where: str) -> str:
        return f"{printable(where)}: damaged {cls.words.name}"
