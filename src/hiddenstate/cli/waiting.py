"""A process that waits for the command it will run, and has imported by then what training needs.

`python -m hiddenstate.cli.waiting` reads the words of the command from its stdin, as a list in
JSON; without them it ends. The studio starts one when its first page is shown.
"""

import importlib
import json
import os
import sys

from hiddenstate.cli import main
from hiddenstate.cli.environment import prepare_process

NEEDED = (
    "hiddenstate.training.start",
    "hiddenstate.jobs",
    "hiddenstate.kernels._native",
    "hiddenstate.engines.members",
    "hiddenstate.engines.native",
    "hiddenstate.data.inspect",
    "hiddenstate.data.job_fit",
    "hiddenstate.data.readers.delimited",
    "hiddenstate.cli.progress_bar",
    "hiddenstate.report.model_card",
)
"""What `inspect` and the commands that train import while they run."""


def run() -> None:
    """Wait for a command, and run it as `hiddenstate` does."""
    prepare_process()
    for name in NEEDED:
        try:
            importlib.import_module(name)
        except ImportError:  # without kernels; the command says what is missing
            continue
    line = sys.stdin.readline()
    if not line.endswith("\n"):  # whoever was to send a command has ended
        return
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    try:
        main(json.loads(line))
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    run()
