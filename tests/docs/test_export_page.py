"""The C program and the commands of the page on exports work with a header of that name."""

import re
import subprocess
from pathlib import Path

from hiddenstate.config import make_config
from hiddenstate.config.exports import TARGETS
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.export.c import header as c_header
from hiddenstate.export.export import target_named
from hiddenstate.export.target import source_of
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net
from tests.export.compiled import checked, compiled, tool

PAGE = (Path(__file__).parents[2] / "docs" / "export.md").read_text("utf-8")


def digits(folder: Path) -> None:
    """Write `digits.h`: a net for rows of 28 pixels, not trained."""
    net = Net("classify", make_config("classify", {"hidden_size": 16}).model, 28, 10)
    names = [str(i) for i in range(10)]
    transform = Transform(pixels=True)
    model = FittedModel(net, net.initial(1, "float32"), names, (28, 28), False, transform)
    header = c_header.build(source_of(model, "digits", "float32"))[".h"]
    (folder / "digits.h").write_bytes(header)


def test_the_table_has_each_target_with_its_limit() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([\de-]+) \| yes", PAGE, re.MULTILINE)
    assert {to: float(limit) for to, limit in rows} == {
        to: target_named(to).limit for to in TARGETS
    }


def test_the_c_program_of_the_page_compiles_and_prints_a_digit(tmp_path):
    digits(tmp_path)
    (block,) = re.findall(r"^```c\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert re.fullmatch(r"\d: 0\.\d\d\n", checked(compiled(tmp_path, block)))


def test_the_selftest_of_the_page_passes(tmp_path):
    tool("cc")
    digits(tmp_path)
    (command,) = re.findall(r"^\$ (cc .*SELFTEST.*)$", PAGE, re.MULTILINE)
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("passed\n")
