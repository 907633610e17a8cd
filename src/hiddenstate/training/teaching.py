"""Chooses how a teacher is learned from: by training rows that nets did not learn from.

Each candidate briefly trains three nets, each without another fifth of the rows. Of a teacher that
is fitted here each net has its own, without the same fifth. Another model may have learned from
these rows, which flatters its answers.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from hiddenstate.config import Config, make_config
from hiddenstate.config.option import AUTO_NUMBER
from hiddenstate.data import PreparedDataset, SequenceDataset
from hiddenstate.errors import printable
from hiddenstate.jobs import Teacher, answers_of, make_job, without_teacher
from hiddenstate.jobs.again import trained_briefly
from hiddenstate.jobs.companion_share import folds_of
from hiddenstate.metrics.scores import cross_entropy_by_row
from hiddenstate.system.typing import Array
from hiddenstate.training.augmenting import block_folds, squared_errors

CANDIDATES = {"teach_temperature": (2.0, 1.0, 4.0), "teach_weight": (0.3, 0.1, 0.6)}
"""Values to choose from. The first one stays unless another is better by a standard error."""

NETS = 3
"""Nets of each candidate."""

ALONE = {
    "convolutions": False,
    "prefer_nets": False,
    "fold_epochs": 0,
    "streamable": False,
    "weights": None,
    "members": NETS,
}
"""Options of these nets."""


def with_teaching(
    config: Config,
    raw: SequenceDataset,
    dataset: PreparedDataset,
    given: Teacher | Array | None = None,
) -> tuple[Config, PreparedDataset]:
    """Return a config with the temperature and the weight that `auto` stands for, and data that
    says so; the arguments are those of `jobs.taught_job`.

    The temperature is chosen first, with the usual weight. Another config is returned as it is.
    """
    values = config.flat()
    chosen = {n: each[0] for n, each in CANDIDATES.items() if values.get(n) == AUTO_NUMBER}
    if not chosen:
        return config, dataset
    comparison = _Comparison(make_config(config.job, {**values, **chosen}), raw, dataset, given)
    least = comparison.losses(chosen)
    for name in chosen:
        usual = least
        for value in CANDIDATES[name][1:]:
            losses = comparison.losses({**chosen, name: value})
            if _is_better(losses, usual) and losses.mean() < least.mean():
                least, chosen[name] = losses, value
    words = " and ".join(f"{n.removeprefix('teach_')} {value:g}" for n, value in chosen.items())
    why = "by rows that nets did not learn from" if len(least) else "as no rows can be left out"
    remark = f"{printable(dataset.name)}: --teach: {words}, {why}"
    dataset = replace(dataset, remarks=(*dataset.remarks, remark))
    return make_config(config.job, {**values, **chosen}), dataset


def _is_better(losses: Array, usual: Array) -> bool:
    """Return whether losses (n,) are lower by more than the standard error of the difference."""
    gain = usual - losses
    return len(gain) > 0 and bool(gain.mean() > gain.std() / np.sqrt(len(gain)))


class _Comparison:
    """Nets that learn from one teacher in several ways, each without another fifth of the rows."""

    def __init__(
        self,
        config: Config,
        raw: SequenceDataset,
        dataset: PreparedDataset,
        given: Teacher | Array | None,
    ) -> None:
        values = config.flat()
        values |= {name: value for name, value in ALONE.items() if name in values}
        self.config, self.dataset = make_config(config.job, values), dataset
        train, seed = dataset.train, config.training.seed
        is_labelled = config.kind.has_classes
        self.folds = folds_of(train, NETS, seed) if is_labelled else block_folds(config, train)
        plain = without_teacher(self.config, dataset)
        plain.folds = self.folds
        self.taught = answers_of(self.config, raw, plain, given)

    def losses(self, options: dict[str, Any]) -> Array:
        """Return the loss (n,) of rows by the net that left them out; infinite if one diverges."""
        compared = np.isin(self.folds, range(NETS))
        if not compared.any():
            return np.empty(0)
        training = replace(self.config.training, **options)
        job = make_job(replace(self.config, training=training), self.dataset, self.taught)
        job.folds = self.folds
        engine, train, losses = trained_briefly(job, job.task()), self.dataset.train, []
        if engine is None:
            return np.full(compared.sum(), np.inf)
        y = train.require_targets()
        for number, outputs in enumerate(job.each(engine, train)):
            own = self.folds == number
            if job.config.kind.has_classes:
                losses.append(cross_entropy_by_row(outputs[own].astype(np.float64), y[own]))
            else:
                lengths = None if train.lengths is None else train.lengths[own]
                losses.append(squared_errors(outputs[own], y[own], lengths))
        return np.concatenate(losses)
