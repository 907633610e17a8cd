"""What the trainer, the recorder and the command line ask of a job."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from numpy.typing import NDArray

from hiddenstate.batches import Batches
from hiddenstate.config import Config, RecurrentConfig
from hiddenstate.data import SequenceDataset
from hiddenstate.engines import Engine, Task
from hiddenstate.memory import check_free
from hiddenstate.models import GATES, FittedModel, Net, Params

Array = NDArray[Any]

COPIES = 7
"""Of each weight in memory: it, its gradient, two moments, and copies while saving."""


class Job(ABC):
    """A config and its data, made into something to train.

    Parameters
    ----------
    config : Config
    dataset : SequenceDataset
        Laid out for the job: X (N, T, I), or (N, F) for autoencode.
    """

    headline: ClassVar[str]
    """The result that sums a run up, by its key."""

    def __init__(self, config: Config, dataset: SequenceDataset) -> None:
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
        )

    def fitted(self, params: Params) -> FittedModel:
        """The model `params` make."""
        return FittedModel(
            net=self.net,
            params=params,
            classes=self.dataset.classes if self.config.job == "classify" else None,
            row_shape=self.dataset.X.shape[1:],
            stateful=self.stateful,
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

    def shown(self, n: int) -> tuple[Array, Array | None]:
        """The first `n` rows to show, and their labels."""
        d = self.dataset
        X, y = (d.X_test, d.y_test) if len(d.X_test) else (d.X, d.y)
        return X[:n], None if y is None else y[:n]

    def examples(self) -> dict[str, Array]:
        """The training rows shown before training, and their labels."""
        first = min(self.config.display.example, len(self.dataset.X) - 1)
        chosen = slice(first, first + self.config.display.n_shown)
        found = {"example": self.dataset.X[chosen]}
        if self.dataset.y is not None:
            found["example_label"] = self.dataset.y[chosen]
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
        return self.dataset.about() | {"sizes": self.sizes()}

    def sizes(self) -> list[str]:
        """The data's sizes, a line a part."""
        d, lines = self.dataset, []
        for part, X, y in (("train", d.X, d.y), ("test", d.X_test, d.y_test)):
            if len(X):
                shape = (len(X), *d.picture) if d.picture else X.shape
                told = "" if y is None else f", {'labels' if d.classes else 'targets'} {y.shape}"
                lines.append(f"{part} data: {shape}{told}")
        return lines

    def remarks(self) -> list[str]:
        """What a user should know of this data with these options, a line each."""
        n, size = len(self.dataset.X), self.config.training.batch_size
        if n < size:
            return [f"warning: {n} rows are fewer than a batch of {size}; each batch has them all"]
        return []

    @abstractmethod
    def evaluate(self, engine: Engine) -> dict[str, float]:
        """Figures of the net as it stands, for a logged line; cheap, maybe none."""

    @abstractmethod
    def keepsake(self) -> dict[str, Array]:
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
    def finish(self, engine: Engine, recent: list[float]) -> dict[str, Any]:
        """The run's final figures; `recent` are the last losses."""

    @classmethod
    def line(cls, event: dict[str, Any]) -> str:
        """A logged event in the classic scripts' form."""
        return f"Epoch:  {event['epoch']} | train loss: {event['loss']:.4f}"

    def closing(self, engine: Engine, results: dict[str, Any]) -> list[str]:
        """Result lines for the end of a run."""
        return []
