"""The texts of the studio's pages, in both languages."""

import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import hiddenstate
from hiddenstate.config import job_options
from hiddenstate.config.exports import OFFERED
from hiddenstate.metrics.glossary import GLOSSARY
from hiddenstate.program.jobs import KINDS
from hiddenstate.program.words import COMPANIONS
from hiddenstate.runs.static_facts import StaticFacts
from hiddenstate.views.pictures import PICTURES, frames_of

STATIC = Path(hiddenstate.__file__).parent / "studio" / "static"
TEXT = re.compile(r'\bt\("((?:[^"\\]|\\.)*)"')
REFUSAL = re.compile(r'\bRefusal\("((?:[^"\\]|\\.)*)"')
VALUE = re.compile(r"\{\w+\}")
IMPORT = re.compile(r'\bfrom "\./(\w+)\.js"|\bimport\("\./(\w+)\.js"\)')

PAGES = {
    "frame": ("main", "run"),
    "home": ("home", "runs", "compare", "fork"),
    "classify": ("classify",),
    "regress": ("regress",),
    "autoencode": ("autoencode",),
    "away": ("downloads", "new_rows"),
    "memory": ("memory",),
    "layers": ("layers",),
    "forecast": ("forecast",),
    "fields": ("own_fields",),
    "result": ("result",),
    "sounds": ("sound_form", "own_sound"),
    "why": ("why",),
    "points": ("points",),
    "own": ("own_row", "unit"),
    "options": ("option_names",),
    "rows": ("text_input",),
    "server": ("told",),
}
"""The modules with which each file of texts is loaded."""

WITH = {"sounds": "classify", "points": "autoencode", "own": "classify"}
"""Files of texts that are loaded before another."""

FIRST = {name for names in PAGES.values() for name in names}


@cache
def chinese() -> dict[str, dict[str, str]]:
    """Return the Chinese texts of each file."""
    paths = [f"import({json.dumps(str(STATIC / f'zh_{part}.js'))})" for part in PAGES]
    code = f"Promise.all([{','.join(paths)}]).then((all) => console.log(JSON.stringify(all)))"
    done = subprocess.run(["node", "-e", code], capture_output=True, text=True, check=True)
    return {part: each["TEXTS"] for part, each in zip(PAGES, json.loads(done.stdout), strict=True)}


def loaded_with(module: str, found: set[str]) -> set[str]:
    """Return a module and those that it loads, up to the next page."""
    found.add(module)
    for names in IMPORT.findall((STATIC / f"{module}.js").read_text("utf-8")):
        name = names[0] or names[1]
        if name not in found and name not in FIRST and not name.startswith("zh_"):
            loaded_with(name, found)
    return found


@pytest.mark.skipif(shutil.which("node") is None, reason="requires node")
def test_every_text_is_there_in_chinese_with_its_values():
    texts = chinese()
    missing, different, seen = [], [], set()
    for part, first in PAGES.items():
        own = texts["frame"] | texts[part] | texts.get(WITH.get(part, ""), {})
        for module in sorted({name for start in first for name in loaded_with(start, set())}):
            seen.add(module)
            for text in TEXT.findall((STATIC / f"{module}.js").read_text("utf-8")):
                text = json.loads(f'"{text}"')
                if text not in own:
                    missing.append(f"{module}.js on the pages of {part}: {text}")
                elif sorted(VALUE.findall(text)) != sorted(VALUE.findall(own[text])):
                    different.append(text)
    assert missing == []
    assert different == []
    modules = {path.stem for path in STATIC.glob("*.js")}
    assert seen == {name for name in modules if not name.startswith("zh_")}


@pytest.mark.skipif(shutil.which("node") is None, reason="requires node")
@pytest.mark.parametrize(("module", "part"), [("table", "rows"), ("sound", "sounds")])
def test_why_a_file_cannot_be_read_is_there_in_chinese(module: str, part: str) -> None:
    own = chinese()["frame"] | chinese()[part]
    texts = REFUSAL.findall((STATIC.parents[1] / "web" / f"{module}.js").read_text("utf-8"))
    assert len(texts) > 5
    for text in texts:
        assert sorted(VALUE.findall(text)) == sorted(VALUE.findall(own[text])), text


@pytest.mark.skipif(shutil.which("node") is None, reason="requires node")
def test_the_frames_of_pictures_are_there_in_chinese():
    texts = chinese()
    for job, kind in KINDS.items():
        own = texts["frame"] | texts[job] | texts["memory"]
        names = [name for name, each in PICTURES[kind.answers].items() if each.frame]
        assert list(frames_of(job, None, {})) == names
        for facts in (None, StaticFacts(job, "", None, None, "train", True)):
            words = [
                text for frame in frames_of(job, facts, {}).values() for text in frame.values()
            ]
            missing = [text for text in words if isinstance(text, str) and text not in own]
            assert not any(missing)


@pytest.mark.parametrize(
    ("appended", "stream", "arrays", "shown"),
    [
        (False, None, {"held_target"}, ["learning", "held_out", "hidden", "portrait", "memory"]),
        (False, None, set(), ["learning", "tracking", "hidden", "portrait", "memory"]),
        (
            True,
            (1, 3),
            {"held_target"},
            ["learning", "tracking", "held_out", "hidden", "portrait", "streams", "memory"],
        ),
    ],
)
def test_a_page_has_the_pictures_of_what_the_run_has(appended, stream, arrays, shown):
    facts = StaticFacts("regress", "", None, None, "test", appended, stream=stream)
    found = frames_of("regress", facts, dict.fromkeys(arrays, np.ones(1)))
    assert list(found) == shown
    assert [name for name in found if found[name]["wide"]] == [
        name for name in shown if name not in ("learning", "hidden", "portrait")
    ]


@pytest.mark.skipif(shutil.which("node") is None, reason="requires node")
def test_every_option_has_a_chinese_name() -> None:
    flags = {
        f"--{option.name.replace('_', '-')}" for job in KINDS for _, option in job_options(job)
    }
    assert flags - set(chinese()["options"]) == set()


@pytest.mark.skipif(shutil.which("node") is None, reason="requires node")
def test_every_export_is_described_in_chinese() -> None:
    assert set(OFFERED.values()) - set(chinese()["away"]) == set()


@pytest.mark.skipif(shutil.which("node") is None, reason="requires node")
def test_every_score_of_test_rows_has_a_chinese_name() -> None:
    """Which stands above a column where runs are compared."""
    own = chinese()["frame"] | chinese()["home"]
    assert {entry.title for name, entry in GLOSSARY.items() if "test_" in name} - set(own) == set()


@pytest.mark.skipif(shutil.which("node") is None, reason="requires node")
def test_a_text_stands_in_one_file():
    texts = [text for part in chinese().values() for text in part]
    assert len(texts) == len(set(texts))


@pytest.mark.skipif(shutil.which("node") is None, reason="requires node")
def test_sentences_of_the_server_are_translated() -> None:
    """Those without a name or a number; pages show the others as they are."""
    source = "".join(path.read_text("utf-8") for path in STATIC.parent.glob("*.py"))
    fixed = re.findall(
        r'(?:problem|UnknownRunError|RefusedError\(40[14],|DataError)\(?\s*"([^"{}]+)"', source
    )
    known = chinese()["server"]
    assert len(fixed) > 8
    assert {words.title for words in COMPANIONS.values()} <= set(chinese()["classify"])
    assert [text for text in fixed if text not in known and text not in NEVER_SHOWN] == []


@pytest.mark.skipif(shutil.which("node") is None, reason="requires node")
def test_sentences_of_the_server_with_values_are_translated() -> None:
    """Their values are kept, whatever they are."""
    source = "".join(path.read_text("utf-8") for path in STATIC.parent.glob("*.py"))
    forms = re.findall(r"(?:problem|DataError)\(\s*f\"([^\"]*[^\" ])\"", source)
    texts = [re.sub(r"\{[^{}]+\}", "X-1", form) for form in forms if re.search("[a-z] [a-z]", form)]
    closed = "the data of the run is not read here: no such row"
    module = json.dumps(str(STATIC / "told.js"))
    asked = f"JSON.stringify({json.dumps([*texts, closed])}.map(told))"
    code = f"import({module}).then(({{told}}) => console.log({asked}))"
    done = subprocess.run(["node", "-e", code], capture_output=True, text=True, check=True)
    *own, last = json.loads(done.stdout)
    assert last.endswith("没有这个样本")
    assert [text for text, found in zip(texts, own, strict=True) if text == found] == []
    assert [each.count("X-1") for each in own] == [each.count("X-1") for each in texts]


NEVER_SHOWN = (
    "no such job",
    "no such rows",
    "rows of a regression are no points",
    "this address was used; the terminal shows a new one",
)
"""Answers to requests that no page makes, or before there is a page."""
