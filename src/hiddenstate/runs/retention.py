"""Which logged lines of a run leave a snapshot, and which the weights of the net too.

Both depend on nothing but the number of the line and, for weights, the size of their file, so that
a resumed run leaves the same ones.
"""

SNAPSHOTS_IN_FULL = 100
"""Logged lines that each leave a snapshot; after these every second, fourth, ... does."""

WEIGHTS_LIMIT = 64 * 2**20
"""Most bytes of weights that the logged lines of a run leave."""

WEIGHTS_LINES = 2**20
"""Logged lines after which none leaves weights. Their history alone has more than 100 MB."""


def leaves_snapshot(n_logged: int) -> bool:
    """Whether logged line `n_logged` (from 0) leaves a snapshot.

    The first `SNAPSHOTS_IN_FULL` all do, then half as many for each doubling, so that a run of
    any length keeps a few hundred at most, and a resumed run keeps the same ones.
    """
    return _is_kept(n_logged, SNAPSHOTS_IN_FULL)


def leaves_weights(n_logged: int, in_full: int) -> bool:
    """Whether logged line `n_logged` (from 0) leaves the weights of the net.

    These lines are among those that leave a snapshot.

    Parameters
    ----------
    n_logged : int
    in_full : int
        How many lines all leave weights, before half as many do for each doubling;
        :func:`weights_in_full` returns it.
    """
    return in_full > 0 and n_logged < WEIGHTS_LINES and _is_kept(n_logged, in_full)


def weights_in_full(n_bytes: int) -> int:
    """Return how many logged lines all leave weights in files of `n_bytes`, at most 100.

    It is the largest number with which all lines together leave at most `WEIGHTS_LIMIT` bytes; 0
    if not even the first two lines and one of each doubling fit.
    """
    for in_full in range(SNAPSHOTS_IN_FULL, 1, -1):
        if _count(in_full) * n_bytes <= WEIGHTS_LIMIT:
            return in_full
    return 0


def _is_kept(n_logged: int, in_full: int) -> bool:
    """Whether a line is a multiple of the smallest power of two p with n_logged < in_full p."""
    spacing = 1
    while n_logged >= in_full * spacing:
        spacing *= 2
    return n_logged % spacing == 0


def _count(in_full: int) -> int:
    """Return how many of `WEIGHTS_LINES` lines leave weights, or a few more."""
    count, end = in_full, in_full
    while end < WEIGHTS_LINES:
        count, end = count + in_full // 2, 2 * end
    return count
