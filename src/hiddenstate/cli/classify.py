"""The command classify: trains a recurrent network to classify sequences."""

from hiddenstate.cli.train import job_command

classify = job_command(
    "classify",
    "Without DATA it trains on the bundled MNIST digits, read row by row. DATA is a table (.csv, "
    ".tsv, .txt, .jsonl, .xlsx, .parquet), a .ts archive, .npy or .npz arrays, idx files, or a "
    "folder with one folder of images or of .wav files per class; - reads a table from stdin. "
    "`hiddenstate inspect DATA` shows how it is read.",
    "hiddenstate classify sensors.csv --label activity",
)
