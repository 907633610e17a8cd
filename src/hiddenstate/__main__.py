"""`python -m hiddenstate` is the command `hiddenstate`."""

import sys
from typing import NoReturn


def run() -> NoReturn:
    """The command, which Ctrl-C ends in one line from its first moment on."""
    try:
        from hiddenstate.cli import main

        main()
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    run()
