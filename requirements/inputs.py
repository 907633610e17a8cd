"""Print what a test environment needs of pyproject.toml, torch left out, for `make lock`."""

import re
import tomllib
from pathlib import Path

stated = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
project = stated["project"]
extras = project["optional-dependencies"]
needed = {*stated["build-system"]["requires"], *project["dependencies"]}
needed |= {*extras["dev"]}
needed |= {"cmake>=3.18", "ninja>=1.8"}  # which the build would fetch where they are missing
for line in sorted(needed):
    if re.split(r"[<>=~! ;\[]", line)[0] != "torch":
        print(line)
