"""The texts of the studio's pages, in both languages."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import hiddenstate

STATIC = Path(hiddenstate.__file__).parent / "studio" / "static"
TEXT = re.compile(r'\bt\("((?:[^"\\]|\\.)*)"')


@pytest.mark.skipif(shutil.which("node") is None, reason="requires node")
def test_every_text_is_there_in_chinese_with_its_values():
    code = (
        f"import({json.dumps(str(STATIC / 'zh.js'))})"
        ".then(({ CHINESE }) => console.log(JSON.stringify(CHINESE)))"
    )
    done = subprocess.run(["node", "-e", code], capture_output=True, text=True, check=True)
    chinese = json.loads(done.stdout)
    missing, different = [], []
    for path in sorted(STATIC.glob("*.js")):
        for text in TEXT.findall(path.read_text("utf-8")):
            text = json.loads(f'"{text}"')
            own = chinese.get(text)
            if own is None:
                missing.append(f"{path.name}: {text}")
            elif sorted(re.findall(r"\{\w+\}", text)) != sorted(re.findall(r"\{\w+\}", own)):
                different.append(text)
    assert missing == []
    assert different == []
