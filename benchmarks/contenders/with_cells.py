"""Trains networks over 784 steps: one update of 64 series of one number, to one of ten classes.

A GRU of 128 units, and two LRU blocks of 128 channels and 64 states (the sizes of tsfast's
`DeepLRU(1, 10, 128, 64, 2)`), answer from their last output. torch has no LRU of its own.
"""

from typing import Any

import numpy as np

from contenders.base import Contender

ROWS, STEPS, CLASSES = 64, 784, 10
SIDE = 2048
SIZES: dict[str, dict[str, Any]] = {
    "gru": {"hidden_size": 128},
    "mingru": {"hidden_size": 128},
    "fastgrnn": {"hidden_size": 128},
    "lru": {"hidden_size": 128, "states": 64, "layers": 2},
}
"""The networks of the library, by cell."""


def batch(steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return series (64, steps, 1) and classes (64,)."""
    random = np.random.default_rng(0)
    x = random.random((ROWS, steps, 1), np.float32)
    return x, random.integers(CLASSES, size=ROWS)


class Ours(Contender):
    """The library's native engine."""

    def __init__(self, cell: str, threads: int, steps: int = STEPS) -> None:
        from hiddenstate.config import make_config
        from hiddenstate.data import Rows, SequenceDataset
        from hiddenstate.data.prepare.pipeline import prepare
        from hiddenstate.engines import make_engine
        from hiddenstate.jobs import make_job
        from hiddenstate.training.initial_state import starting_state

        x, y = batch(steps)
        options = SIZES[cell] | {"cell": cell, "lr": 0.001, "epochs": 10**6, "engine": "native"}
        config = make_config("classify", options | {"threads": threads, "device": "cpu"})
        dataset = SequenceDataset("random", Rows(x, y), Rows(x, y), kind="arrays")
        job = make_job(config, prepare(dataset, config))
        self.engine = make_engine(job.task(), starting_state(job))

    def train(self, first: int, last: int) -> float:
        """See `Contender.train`."""
        return float(self.engine.run(first, last, lambda: False).losses[-1])


class InTorch(Contender):
    """A torch module whose last output is read by a linear layer, with fused Adam."""

    def __init__(self, cell: str, threads: int, steps: int = STEPS) -> None:
        import torch

        torch.manual_seed(0)
        self.x, self.y = map(torch.from_numpy, batch(steps))
        self.net = self.module(cell)
        self.rule = torch.optim.Adam(self.net.parameters(), 0.001, fused=True)

    def module(self, cell: str) -> Any:
        """Return the network."""
        from torch import nn

        class Last(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.rnn = nn.GRU(1, 128, batch_first=True)
                self.out = nn.Linear(128, CLASSES)

            def forward(self, x: Any) -> Any:
                return self.out(self.rnn(x)[0][:, -1:])

        return Last()

    def train(self, first: int, last: int) -> float:
        """See `Contender.train`."""
        import torch

        for _ in range(first, last):
            self.rule.zero_grad()
            loss = torch.nn.functional.cross_entropy(self.net(self.x)[:, -1], self.y)
            loss.backward()  # type: ignore[no-untyped-call]
            self.rule.step()
        return float(loss.detach())


class InTsfast(InTorch):
    """The network of the package tsfast, with its kernels in C."""

    def module(self, cell: str) -> Any:
        """Return the network."""
        from tsfast.models import DeepLRU  # type: ignore[import-not-found,unused-ignore]

        return DeepLRU(1, CLASSES, 128, 64, 2)


class Sgemm(Contender):
    """Products of two matrices."""

    def __init__(self, threads: int) -> None:
        self.a = np.ones((SIDE, SIDE), np.float32)

    def train(self, first: int, last: int) -> float:
        """Multiply as often."""
        for _ in range(first, last):
            product = self.a @ self.a
        return float(product[0, 0])
