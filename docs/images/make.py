"""Draw the pictures of this folder that come from runs of the program, and write the pages of
`docs/pages`: `python make.py`.

The script trains each run again, with seed 0 unless the command says otherwise, and draws its
figures in the light theme. The other pictures in the folder come from `benchmarks/`.
"""

import io
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent

COLLAPSED = "autoencode --lr 0.1 --max-steps 300"
LOST = "regress --windows 5000 --seed 1 --lr-schedule constant --eps 1e-8 --clip 1e9 --log-every 50"

PICTURES = {
    "classify": {
        "classify-learning": "learning",
        "classify-decision": "decision",
        "classify-confusion": "confusion",
        "classify-worst": "worst",
    },
    "classify --lr 1 --max-steps 300": {"classify-lr-high": "learning"},
    "regress": {
        "regress-tracking": "tracking",
        "regress-error": "error",
        "regress-hidden": "hidden",
        "regress-portrait": "portrait",
    },
    "regress --no-stateful": {"regress-reset": "tracking"},
    "regress --lr 0.2": {"regress-lr-high": "tracking"},
    LOST: {"regress-lost": "learning"},
    "autoencode": {
        "autoencode-reconstructions": "reconstructions",
        "autoencode-learning": "learning",
        "autoencode-codes": "codes",
        "autoencode-grid": "grid",
        "autoencode-walk": "walk",
    },
    COLLAPSED: {
        "autoencode-collapsed": "reconstructions",
        "autoencode-collapsed-codes": "codes",
    },
}
"""The pictures made by each command, and the figure of the run that each one shows."""

PAGES = {"classify": "digits", "autoencode": "codes"}
"""The page that the model of a command is exported to."""


def hiddenstate(*arguments: str) -> str:
    """Run the program and return its stdout."""
    command = [sys.executable, "-m", "hiddenstate", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def smaller(data: bytes) -> bytes:
    """Return a PNG reduced to 256 colours."""
    small = io.BytesIO()
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    picture.quantize(256, dither=Image.Dither.NONE).save(small, "png", optimize=True)
    return small.getvalue()


def main() -> None:
    """Train each run in a temporary folder; keep its pictures and its page."""
    for command, pictures in PICTURES.items():
        with tempfile.TemporaryDirectory() as folder:
            job = shlex.split(command)
            hiddenstate(*job, "--view", "off", "--runs-dir", folder)
            run = f"{folder}/{job[0]}-1"
            hiddenstate("figures", run)
            for name, figure in pictures.items():
                data = smaller(Path(run, "figures", f"{figure}.png").read_bytes())
                (HERE / f"{name}.png").write_bytes(data)
                print(f"{name}.png: {len(data):,} bytes, {figure} of `hiddenstate {command}`")
            if command in PAGES:
                page = HERE.parent / "pages" / f"{PAGES[command]}.html"
                print(hiddenstate("export", run, "--to", "html", "--output", str(page), "--force"))


if __name__ == "__main__":
    main()
