"""What the trainer, the recorder and the command line ask of a job."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.config import Config, RecurrentConfig
from hiddenstate.data import PreparedDataset, Rows, Transform
from hiddenstate.data.prepare.batches import Batches
from hiddenstate.data.prepare.transform import after_end
from hiddenstate.engines import Engine, Predictor, Task, make_predictor
from hiddenstate.inference.hidden_states import state_probe
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import GATES, Net, Params
from hiddenstate.system.memory import check_free

Array = NDArray[Any]

COPIES = 7
"""Of each weight in memory: it, its gradient, two moments, and copies while saving."""


@dataclass(frozen=True)
class Evaluation:
    """What was found out about the net as it stands.

    Parameters
    ----------
    figures : dict
        Numbers by name, as they are logged.
    arrays : dict of ndarray
        What the views draw of it, found on the way.
    """

    figures: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)


class Job(ABC):
    """A config and its data, made into something to train.

    Parameters
    ----------
    config : Config
    dataset : PreparedDataset
        Laid out for the job: X (N, T, I), or (N, F) for autoencode.
    """

    def __init__(self, config: Config, dataset: PreparedDataset) -> None:
        self.config, self.dataset = config, dataset
        training = config.training
        self.batches = Batches(len(dataset.X), training.batch_size, training.seed, training.shuffle)
        steps = training.epochs * self.batches.steps_per_epoch
        self.total_steps = min(steps, training.max_steps or steps)
        self.net = self.make_net()

    @abstractmethod
    def make_net(self) -> Net:
        """The net that fits the config and the data."""

    @property
    def stateful(self) -> bool:
        """Whether rows follow one another and the hidden state is carried between them."""
        return False

    def task(self) -> Task:
        """What an engine needs to run the steps."""
        return Task(
            net=self.net,
            training=self.config.training,
            X=self.dataset.X,
            y=self.dataset.y,
            batches=self.batches,
            total_steps=self.total_steps,
            stateful=self.stateful,
            lengths=self.dataset.train.lengths,
            weights=self.dataset.train.weights,
        )

    @property
    def transform(self) -> Transform:
        """What was done to the data, and is to be done to other rows."""
        return self.dataset.transform

    def fitted(self, params: Params) -> FittedModel:
        """The model `params` make."""
        return FittedModel(
            net=self.net,
            params=params,
            classes=self.dataset.classes if self.config.job == "classify" else None,
            row_shape=self.dataset.X.shape[1:],
            stateful=self.stateful,
            transform=self.transform,
        )

    def check_memory(self) -> None:
        """Refuse a job that cannot fit in what the machine has free (`MachineError`)."""
        check_free(self.bytes_needed(), "training", "use a smaller net or --batch-size")

    def bytes_needed(self) -> int:
        """A lower estimate of the bytes training takes beside the data."""
        net, config = self.net, self.net.config
        itemsize = 8 if self.config.training.dtype == "float64" else 4
        rows = min(self.config.training.batch_size, len(self.dataset.X))
        if isinstance(config, RecurrentConfig):
            steps = self.dataset.X.shape[1]
            width = (GATES[config.cell] + 2) * config.hidden_size * config.layers
            kept = rows * steps * (width * (2 if config.bidirectional else 1) + net.n_features)
        else:
            kept = rows * 2 * sum(net.widths())
        return int((COPIES * net.n_parameters() + 2 * kept) * itemsize)

    @property
    def shown_split(self) -> str:
        """Where shown rows come from: "test", or "train" where nothing is held out."""
        return "test" if len(self.dataset.X_test) else "train"

    def shown(self, n: int) -> Rows:
        """The first `n` rows to show."""
        d = self.dataset
        return (d.test if d.test is not None and len(d.test) else d.train).take(slice(0, n))

    def drawn(self, rows: Rows) -> Array:
        """X of prepared rows as people know it: in its own units, nothing after a row's end."""
        X = self.transform.undo(rows.X[:])
        if rows.lengths is None:
            return X
        return np.where(after_end(rows.lengths, X.shape[1])[..., None], np.nan, X).astype(X.dtype)

    def examples(self) -> dict[str, Array]:
        """The training rows shown before training, and their labels."""
        first = min(self.config.display.example, len(self.dataset.X) - 1)
        chosen = self.dataset.train.take(slice(first, first + self.config.display.n_shown))
        found = {"example": self.drawn(chosen)}
        if chosen.y is not None:
            found["example_label"] = chosen.y
        return found

    def facts(self) -> dict[str, Any]:
        """What a view must know beside arrays, as JSON takes it.

        `appended` says that each snapshot holds windows that follow those of the one before.
        """
        return {
            "job": self.config.job,
            "data": self.dataset.name,
            "classes": self.dataset.classes,
            "picture": list(self.dataset.picture) if self.dataset.picture else None,
            "shown_split": self.shown_split,
            "appended": self.stateful,
        }

    def about_data(self) -> dict[str, Any]:
        """What a run keeps of its data: how to know it again, and its sizes."""
        return {**self.dataset.facts(), "sizes": self.sizes()}

    def sizes(self) -> list[str]:
        """The data's sizes, a line a part."""
        d, lines = self.dataset, []
        for part, rows in (("train", d.train), ("valid", d.valid), ("test", d.test)):
            if rows is not None and len(rows):
                shape = (len(rows), *d.picture) if d.picture else rows.X.shape
                told = ""
                if rows.y is not None:
                    told = f", {'labels' if d.classes else 'targets'} {rows.y.shape}"
                if rows.lengths is not None:
                    told += f", {rows.lengths.min()} to {rows.lengths.max()} steps"
                lines.append(f"{part} data: {shape}{told}")
        return lines

    def remarks(self) -> list[str]:
        """What a user should know of this data with these options, a line each."""
        n, size = len(self.dataset.X), self.config.training.batch_size
        remarks = [f"note: {remark}" for remark in self.dataset.remarks]
        if n < size:
            remarks.append(
                f"warning: {n} rows are fewer than a batch of {size}; each batch has them all"
            )
        return remarks

    def predict(self, engine: Engine, rows: Rows) -> Array:
        """The net's outputs for prepared rows."""
        return engine.predict(rows.X, rows.lengths)

    def validate(self, engine: Engine) -> float | None:
        """The loss on the validation rows, by which the best weights are known; None without."""
        valid = self.dataset.valid
        return None if valid is None else self.loss(engine, valid)

    @abstractmethod
    def loss(self, engine: Engine, rows: Rows) -> float:
        """The mean loss on prepared rows, each row alike."""

    @abstractmethod
    def evaluate(self, engine: Engine) -> Evaluation:
        """The net as it stands, for a logged line; cheap, maybe nothing."""

    @abstractmethod
    def static_arrays(self) -> dict[str, Array]:
        """Arrays the views need that training never changes."""

    @abstractmethod
    def snapshot(self, engine: Engine) -> dict[str, Array]:
        """Arrays the views draw of the net as it stands."""

    def windows(self, first: int, outputs: Array) -> dict[str, Array]:
        """Arrays that snapshots append to one another: what was predicted while learning.

        Parameters
        ----------
        first : int
            The step of the first output.
        outputs : ndarray (n_steps, T, O) or (n_steps, O)
        """
        return {}

    @abstractmethod
    def finish(self, engine: Engine, recent: list[float]) -> Evaluation:
        """The run's final figures, and what only its end shows; `recent` are the last losses."""

    def states(self, engine: Engine) -> Predictor:
        """What gives the hidden states of the net as it stands, as outputs at every step."""
        probe = state_probe(self.fitted(engine.export().params))
        return make_predictor(probe, "cpu", self.config.training.threads)

    @classmethod
    def line(cls, event: dict[str, Any], config: Config) -> str:
        """A logged event in the classic scripts' form."""
        return f"Epoch:  {event['epoch']} | train loss: {event['loss']:.4f}"

    def summary_lines(self, engine: Engine, results: dict[str, Any]) -> list[str]:
        """Result lines for the end of a run."""
        return []
