"""torch by hand: the classic scripts, and the same nets with their data in memory."""

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
    """RNN 1->32 with a linear layer at every step, one step after another."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.RNN(1, 32, 1, batch_first=True)
        self.out = nn.Linear(32, 1)

    def forward(self, x: Tensor, h: Tensor | None) -> tuple[Tensor, Tensor]:
        """Predictions (1, T, 1) of a window (1, T, 1), and the state after it."""
        steps, h = self.rnn(x, h)
        return torch.stack([self.out(steps[:, t]) for t in range(steps.size(1))], dim=1), h


class WholeFollower(Follower):
    """The same with the linear layer applied to all steps at once."""

    def forward(self, x: Tensor, h: Tensor | None) -> tuple[Tensor, Tensor]:
        """As `Follower.forward`."""
        steps, h = self.rnn(x, h)
        return self.out(steps), h


class Coder(nn.Module):
    """784-128-64-12-3 and its mirror."""

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
        """Codes (B, 3) and reconstructions (B, 784) of rows (B, 784)."""
        code = self.encoder(x)
        return code, self.decoder(code)


class _Torch(Contender):
    """What the torch contenders share: threads, seed, net and optimiser."""

    def __init__(self, net: type[nn.Module], rate: float, threads: int, fused: bool) -> None:
        if threads:
            torch.set_num_threads(threads)
        torch.manual_seed(0)
        self.net = net()
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=rate, fused=fused or None)

    def update(self, loss: Tensor) -> None:
        """One update of the weights."""
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's
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

    def look(self) -> None:
        """Accuracy on 2,000 test images."""
        (self.net(self.test).argmax(dim=1).numpy() == self.labels).mean()

    def score(self) -> float:
        """Accuracy on all test images."""
        with torch.no_grad():
            return data.accuracy(self.net(torch.from_numpy(data.digits().X_test)).numpy())


class MemoryClassify(_Torch):
    """Digits as one float tensor."""

    def __init__(self, threads: int) -> None:
        super().__init__(Reader, RATES["classify"], threads, fused=True)
        d = data.digits()
        self.X, self.X_test = torch.from_numpy(d.X), torch.from_numpy(d.X_test)
        self.y, self.y_test = torch.from_numpy(d.y), torch.from_numpy(d.y_test)
        self.n_looked = data.LOOKED_AT["classify"]

    def train(self, first: int, last: int) -> float:
        """See `Contender.train`."""
        for step in range(first, last):
            rows = torch.from_numpy(data.rows(step))
            loss = nn.functional.cross_entropy(self.net(self.X[rows]), self.y[rows])
            self.update(loss)
        return float(loss.item())

    def look(self) -> None:
        """Accuracy on 2,000 test images."""
        with torch.no_grad():
            found = self.net(self.X_test[: self.n_looked]).argmax(dim=1)
            (found == self.y_test[: self.n_looked]).float().mean().item()

    def score(self) -> float:
        """Accuracy on all test images."""
        with torch.no_grad():
            return data.accuracy(self.net(self.X_test).numpy())


class ScriptAutoencode(_Torch):
    """The autoencoder fed by the classic `DataLoader`."""

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

    def look(self) -> None:
        """Five digits reconstructed."""
        self.net(self.test[: data.LOOKED_AT["autoencode"]])

    def score(self) -> float:
        """Mean squared error on all test rows."""
        with torch.no_grad():
            return data.error(self.net(self.test)[1].numpy())


class MemoryAutoencode(_Torch):
    """Rows as one float tensor."""

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

    def look(self) -> None:
        """Five digits reconstructed."""
        with torch.no_grad():
            self.net(self.X_test[: data.LOOKED_AT["autoencode"]])

    def score(self) -> float:
        """Mean squared error on all test rows."""
        with torch.no_grad():
            return data.error(self.net(self.X_test)[1].numpy())


class ScriptRegress(_Torch):
    """A window made in numpy, followed and learnt from; then the next."""

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
    """Windows made beforehand, the linear layer at all steps at once."""

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
    """Batches epoch after epoch."""
    while True:
        yield from loader
