"""Trains with plain torch: the classic scripts, and the same networks with data in memory."""

from collections.abc import Iterator

import numpy as np
import torch
from classic_classify import Digits, Reader, test_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader

from contenders import data
from contenders.base import Contender

RATES = {"classify": 0.01, "regress": 0.02, "autoencode": 0.005}


class Follower(nn.Module):
    """An RNN 1->32 with a linear layer applied to one step after another."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.RNN(1, 32, 1, batch_first=True)
        self.out = nn.Linear(32, 1)

    def forward(self, x: Tensor, h: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return predictions (1, T, 1) of a window (1, T, 1) and the hidden state after it."""
        steps, h = self.rnn(x, h)
        return torch.stack([self.out(steps[:, t]) for t in range(steps.size(1))], dim=1), h


class WholeFollower(Follower):
    """The same network with the linear layer applied to all steps at once."""

    def forward(self, x: Tensor, h: Tensor | None) -> tuple[Tensor, Tensor]:
        """See `Follower.forward`."""
        steps, h = self.rnn(x, h)
        return self.out(steps), h


class Coder(nn.Module):
    """An autoencoder 784-128-64-12-3 and back."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(784, 128),
            nn.Tanh(),
            nn.Linear(128, 64),
            nn.Tanh(),
            nn.Linear(64, 12),
            nn.Tanh(),
            nn.Linear(12, 3),
        )
        self.decoder = nn.Sequential(
            nn.Linear(3, 12),
            nn.Tanh(),
            nn.Linear(12, 64),
            nn.Tanh(),
            nn.Linear(64, 128),
            nn.Tanh(),
            nn.Linear(128, 784),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return codes (B, 3) and reconstructions (B, 784) of rows (B, 784)."""
        code = self.encoder(x)
        return code, self.decoder(code)


class _Torch(Contender):
    """Base of the torch contenders: threads, seed, network and optimiser."""

    def __init__(self, net: type[nn.Module], rate: float, threads: int, fused: bool) -> None:
        if threads:
            torch.set_num_threads(threads)
        torch.manual_seed(0)
        self.net = net()
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=rate, fused=fused or None)

    def update(self, loss: Tensor) -> None:
        """Make one update of the weights."""
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no types for it
        self.optimizer.step()


class ScriptClassify(_Torch):
    """The loop of `classic_classify.py`."""

    def __init__(self, threads: int) -> None:
        super().__init__(Reader, RATES["classify"], threads, fused=False)
        self.batches = _endless(DataLoader(Digits(), batch_size=data.BATCH, shuffle=True))
        self.test, self.labels = test_digits()
        self.cost = nn.CrossEntropyLoss()

    def train(self, first: int, last: int) -> float:
        """See `Contender.train`."""
        for _ in range(first, last):
            x, y = next(self.batches)
            loss = self.cost(self.net(x.view(-1, 28, 28)), y)
            self.update(loss)
        return float(loss.item())

    def evaluate(self) -> None:
        """Compute the accuracy on 2,000 test images."""
        (self.net(self.test).argmax(dim=1).numpy() == self.labels).mean()

    def score(self) -> float:
        """Return the accuracy on all test images."""
        with torch.no_grad():
            return data.accuracy(self.net(torch.from_numpy(data.digits().X_test)).numpy())


class MemoryClassify(_Torch):
    """The classifier with the digits in one float tensor."""

    def __init__(self, threads: int) -> None:
        super().__init__(Reader, RATES["classify"], threads, fused=True)
        d = data.digits()
        self.X, self.X_test = torch.from_numpy(d.X), torch.from_numpy(d.X_test)
        self.y, self.y_test = torch.from_numpy(d.y), torch.from_numpy(d.y_test)
        self.n_evaluated = data.N_EVALUATED["classify"]

    def train(self, first: int, last: int) -> float:
        """See `Contender.train`."""
        for step in range(first, last):
            rows = torch.from_numpy(data.rows(step))
            loss = nn.functional.cross_entropy(self.net(self.X[rows]), self.y[rows])
            self.update(loss)
        return float(loss.item())

    def evaluate(self) -> None:
        """Compute the accuracy on 2,000 test images."""
        with torch.no_grad():
            predicted = self.net(self.X_test[: self.n_evaluated]).argmax(dim=1)
            (predicted == self.y_test[: self.n_evaluated]).float().mean().item()

    def score(self) -> float:
        """Return the accuracy on all test images."""
        with torch.no_grad():
            return data.accuracy(self.net(self.X_test).numpy())


class ScriptAutoencode(_Torch):
    """The autoencoder with the classic `DataLoader`."""

    def __init__(self, threads: int) -> None:
        super().__init__(Coder, RATES["autoencode"], threads, fused=False)
        self.batches = _endless(DataLoader(Digits(), batch_size=data.BATCH, shuffle=True))
        self.test = torch.from_numpy(data.digits(flat=True).X_test)
        self.cost = nn.MSELoss()

    def train(self, first: int, last: int) -> float:
        """See `Contender.train`."""
        for _ in range(first, last):
            x, _y = next(self.batches)
            rows = x.view(-1, 784)
            loss = self.cost(self.net(rows)[1], rows)
            self.update(loss)
        return float(loss.item())

    def evaluate(self) -> None:
        """Reconstruct five digits."""
        self.net(self.test[: data.N_EVALUATED["autoencode"]])

    def score(self) -> float:
        """Return the mean squared error on all test rows."""
        with torch.no_grad():
            return data.error(self.net(self.test)[1].numpy())


class MemoryAutoencode(_Torch):
    """The autoencoder with the rows in one float tensor."""

    def __init__(self, threads: int) -> None:
        super().__init__(Coder, RATES["autoencode"], threads, fused=True)
        d = data.digits(flat=True)
        self.X, self.X_test = torch.from_numpy(d.X), torch.from_numpy(d.X_test)

    def train(self, first: int, last: int) -> float:
        """See `Contender.train`."""
        for step in range(first, last):
            x = self.X[torch.from_numpy(data.rows(step))]
            loss = nn.functional.mse_loss(self.net(x)[1], x)
            self.update(loss)
        return float(loss.item())

    def evaluate(self) -> None:
        """Reconstruct five digits."""
        with torch.no_grad():
            self.net(self.X_test[: data.N_EVALUATED["autoencode"]])

    def score(self) -> float:
        """Return the mean squared error on all test rows."""
        with torch.no_grad():
            return data.error(self.net(self.X_test)[1].numpy())


class ScriptRegress(_Torch):
    """The classic loop of regress: computes a window in numpy and trains on it, then the next."""

    def __init__(self, threads: int) -> None:
        super().__init__(Follower, RATES["regress"], threads, fused=False)
        self.cost, self.h = nn.MSELoss(), None

    def train(self, first: int, last: int) -> float:
        """See `Contender.train`."""
        for step in range(first, last):
            x, y = (torch.from_numpy(part) for part in data.fresh_window(step))
            prediction, h = self.net(x, self.h)
            self.h = h.data
            loss = self.cost(prediction, y)
            self.update(loss)
        return float(loss.item())


class MemoryRegress(_Torch):
    """Regress with precomputed windows and the linear layer applied to all steps at once."""

    def __init__(self, threads: int) -> None:
        super().__init__(WholeFollower, RATES["regress"], threads, fused=True)
        self.x, self.y = (torch.from_numpy(np.asarray(part)) for part in data.windows())
        self.h: Tensor | None = None

    def train(self, first: int, last: int) -> float:
        """See `Contender.train`."""
        for step in range(first, last):
            k = step % data.WINDOWS
            prediction, h = self.net(self.x[k : k + 1], self.h)
            self.h = h.detach()
            loss = nn.functional.mse_loss(prediction, self.y[k : k + 1])
            self.update(loss)
        return float(loss.item())


def _endless(loader: "DataLoader[tuple[Tensor, int]]") -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches without end, epoch after epoch."""
    while True:
        yield from loader
