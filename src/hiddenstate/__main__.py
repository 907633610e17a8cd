"""Runs the command line: `python -m hiddenstate` is the command `hiddenstate`.

This module and the package's `__init__` import nothing but `sys`, so that Ctrl-C is handled from
the first moment on.
"""

import sys


def run() -> None:
    """Run the command and exit; Ctrl-C ends it with one line at any moment."""
    try:
        from hiddenstate.cli.environment import prepare_process

        prepare_process()
        from hiddenstate.cli import main

        main()
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    run()
