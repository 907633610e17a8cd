"""The command regress: trains a recurrent network to predict a signal."""

from hiddenstate.cli.train import job_command

regress = job_command(
    "regress",
    "Without DATA it learns to turn a sine into a cosine, and carries its hidden state from window "
    "to window. DATA is one long signal or many series: a table with --target COL, and --horizon 1 "
    "to forecast it; a .ts archive; or arrays X and y.",
    "hiddenstate regress demand.csv --target demand --horizon 1",
)
