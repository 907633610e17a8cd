"""`python -m hiddenstate` is the command `hiddenstate`."""

from hiddenstate.cli import main

main()
