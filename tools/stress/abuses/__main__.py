"""Commits the abuses whose names contain one of the given words, and prints the findings."""

import shlex
import sys
import tempfile
from pathlib import Path

from tools.stress.abuses import abuses, named

if __name__ == "__main__":
    folder = Path(tempfile.mkdtemp(prefix="abuses-"))
    chosen = named(sys.argv[1:])
    outcome = abuses(folder, chosen)
    print(*outcome.findings, sep="\n")
    print(f"{outcome.done} abuses, {len(outcome.findings)} findings, in {shlex.quote(str(folder))}")
    sys.exit(bool(outcome.findings))
