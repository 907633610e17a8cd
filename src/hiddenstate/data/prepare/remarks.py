"""What preparing says of data that is not used as a user may expect."""

import numpy as np

from hiddenstate.config import Config
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.prepare.encoding import spans
from hiddenstate.data.prepare.layout import own_part
from hiddenstate.data.rows import Rows, known_steps
from hiddenstate.errors import listed, printable
from hiddenstate.program.rows import after_end
from hiddenstate.system.notice import Remark
from hiddenstate.system.typing import Array


def reads_short(config: Config) -> bool:
    """Return whether a series that is shorter than a window is one window of fewer steps: with a
    linear path, whose first value stands for those before it. Runs of earlier versions, which name
    no seasons, left such series out."""
    data = config.data
    return bool(data.linear and data.season is not None and data.output == "last" and data.window)


def short_remarks(train: Rows, config: Config, where: str) -> list[str]:
    """Say how many training series are shorter than a window, or have no target."""
    is_cut = config.kind.has_targets and config.data.window and train.y is not None
    if not is_cut or train.y is None or train.y.ndim < 3 or len(train) == 1:
        return []
    lengths = train.ends
    window, horizon, N = config.data.window, config.data.horizon or 0, len(train)
    none, short = lengths <= horizon, lengths < window + horizon
    remarks = []
    if none.any() and not none.all():
        remarks.append(
            f"{where}: {int(none.sum())} of {N} series are too short to have a value {horizon} "
            "steps ahead, and are not trained on"
        )
    if (short & ~none).any() and not short.all():
        what = "read whole" if reads_short(config) else "not trained on"
        remarks.append(
            f"{where}: {int((short & ~none).sum())} of {N} series are shorter than a window of "
            f"{window} steps and a target, and are {what}"
        )
    return remarks


def target_remarks(dataset: SequenceDataset, config: Config, where: str) -> list[str]:
    """Say how many steps of series have no target."""
    remarks = list[str]()
    for rows in (dataset.train, dataset.test):
        if not config.kind.has_targets or rows is None or rows.y is None or rows.y.ndim < 3:
            continue
        read = np.ones(rows.y.shape[:2], bool)
        if rows.lengths is not None:
            read = ~after_end(rows.lengths, rows.y.shape[1])
        n = int((read & ~known_steps(rows.y)).sum())
        if n:
            part, label = own_part(rows, dataset, config, where)
            line = f"{label}: targets are missing at {n} of {int(read.sum())} steps, which are not"
            remarks.append(Remark(f"{line} scored", part))
    return remarks


def unseen_remarks(train: Rows, dataset: SequenceDataset, where: str) -> list[str]:
    """Say which values of encoded text are in no training row."""
    remarks = []
    for column, part in spans(dataset.columns or (), dataset.encodings):
        encoding = next((e for e in dataset.encodings if e.column == column and e.values), None)
        if encoding is None or train.X.shape[-1] != len(dataset.columns or ()):
            continue
        seen = (train.X[..., part] == 1).reshape(-1, len(encoding.values)).any(axis=0)
        values = [
            value for value, is_seen in zip(encoding.values, seen, strict=True) if not is_seen
        ]
        if values:
            remarks.append(
                f"{where}: no training row has {printable(column, 40)} {listed(values)}, so the "
                "network learns nothing about it"
            )
    return remarks


FAR = 0.01, 10.0
"""Least and largest root mean square of targets that a network learns without scaling."""


def far_size(y: Array) -> float:
    """Return the root mean square of targets that are far from 1, and 0 of others."""
    size = float(np.sqrt(np.nanmean(np.square(y, dtype=np.float64))))
    return 0.0 if FAR[0] <= size <= FAR[1] else size
