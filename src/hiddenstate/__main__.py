"""`python -m hiddenstate` is the command `hiddenstate`.

Nothing but `sys` is imported before Ctrl-C is seen to, here and in the package's `__init__`.
"""

import sys


def run() -> None:
    """The command, which Ctrl-C ends in one line from its first moment on; it does not return."""
    try:
        from hiddenstate.cli import main

        main()
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    run()
