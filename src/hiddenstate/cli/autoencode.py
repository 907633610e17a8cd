"""The command autoencode: trains an autoencoder."""

from hiddenstate.cli.train import job_command

autoencode = job_command(
    "autoencode",
    "Without DATA it trains on the bundled MNIST digits. DATA is anything the other jobs read, "
    "with rows of equal length; labels only colour the codes.",
    "hiddenstate autoencode --code-size 2 --epochs 5",
)
