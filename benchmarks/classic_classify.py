"""A rewrite of the classic script that classifies digits with an LSTM, in plain torch.

    python benchmarks/classic_classify.py [--threads N] [--toy]

It does only what such a tutorial does: one epoch of MNIST from a `DataLoader` in shuffled batches
of 64, Adam at rate 0.01, an evaluation of the first 2,000 test images every 50 steps (with
gradients on, as in the tutorials), and ten predictions at the end. From hiddenstate it uses only
the files of the bundled digits. `speed.py` measures the whole script, and its parts in pieces.
"""

import argparse
import gzip
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

import hiddenstate

FOLDER = Path(hiddenstate.__file__).parent / "data" / "bundled" / "mnist"
BATCH, RATE, EVERY, N_EVALUATED = 64, 0.01, 50, 2000


def read(name: str) -> NDArray[np.uint8]:
    """Return the numbers of a bundled idx file: images (N, 28, 28) or labels (N,)."""
    content = gzip.decompress((FOLDER / f"{name}.gz").read_bytes())
    n_axes = content[3]
    shape = np.frombuffer(content, ">u4", n_axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * n_axes).reshape(shape)


class Digits(Dataset[tuple[Tensor, int]]):
    """Training digits, each converted to a picture and then to a tensor when it is requested.

    torchvision's MNIST with `ToTensor` does the same for each item: the row becomes a Pillow
    image, the image an array, the array a float tensor (1, 28, 28) divided by 255.
    """

    def __init__(self) -> None:
        self.images = torch.from_numpy(read("train-images-idx3-ubyte").copy())
        self.labels = torch.from_numpy(read("train-labels-idx1-ubyte").astype(np.int64))

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        picture = Image.fromarray(self.images[index].numpy())
        pixels = torch.from_numpy(np.array(picture, np.uint8, copy=True))
        channels_first = pixels.view(picture.height, picture.width, 1).permute(2, 0, 1).contiguous()
        return channels_first.to(torch.float32).div(255), int(self.labels[index])


class Reader(nn.Module):
    """An LSTM 28->64 over the rows of an image; the last step predicts the digit."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(28, 64, 1, batch_first=True)
        self.out = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return scores (B, 10) of images (B, 28, 28)."""
        steps, _ = self.rnn(x, None)
        scores: Tensor = self.out(steps[:, -1, :])
        return scores


def test_digits() -> tuple[Tensor, NDArray[np.uint8]]:
    """Return the test images evaluated during training, scaled to 0..1, and their labels."""
    images = torch.from_numpy(read("t10k-images-idx3-ubyte")[:N_EVALUATED].copy())
    return images.to(torch.float32) / 255, read("t10k-labels-idx1-ubyte")[:N_EVALUATED]


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=0, help="0 for the default of torch")
    parser.add_argument("--toy", action="store_true", help="two steps only, to test the script")
    return parser


def main(words: Sequence[str] | None = None) -> None:
    """Train and print like the classic script."""
    args = arguments().parse_args(words)
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    loader = DataLoader(Digits(), batch_size=BATCH, shuffle=True)
    images, labels = test_digits()
    net = Reader()
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE)
    cost = nn.CrossEntropyLoss()
    for step, (x, y) in enumerate(islice(loader, 2 if args.toy else None)):
        loss = cost(net(x.view(-1, 28, 28)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % EVERY == 0:
            right = (net(images).argmax(dim=1).numpy() == labels).mean()
            print(f"Epoch:  0 | train loss: {loss.item():.4f} | test accuracy: {right:.2f}")
    print(net(images[:10]).argmax(dim=1).numpy(), "prediction number")
    print(labels[:10], "real number")


if __name__ == "__main__":
    main()
