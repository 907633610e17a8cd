"""The command classify: trains a recurrent network to classify sequences."""

from hiddenstate.cli.train import job_command
from hiddenstate.data.readers.formats import DATA

classify = job_command(
    "classify",
    "Without DATA it trains on the bundled MNIST digits, read row by row. DATA is "
    f"{DATA}; - reads a table from stdin. `hiddenstate inspect DATA` shows how it is read.",
    "hiddenstate classify sensors.csv --label activity",
)
