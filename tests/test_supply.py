"""The locked test environment: all that is needed, each release with its hashes."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from hiddenstate import __version__

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements" / "test.txt").read_text("utf-8")
BUILDERS = ("scikit-build-core", "hatch-fancy-pypi-readme")
"""What builds the package and leaves nothing in it."""


def locked() -> dict[str, tuple[str, int]]:
    """Version and number of hashes of each release in the lock, by name."""
    found = {}
    for block in re.split(r"\n(?=\S)", LOCK.replace("\\\n", " ")):
        line = block.strip()
        if line and not line.startswith("#"):
            pinned = re.match(r"([a-z0-9-]+)==(\S+)", line)
            assert pinned, line
            found[pinned[1]] = (pinned[2], len(re.findall("--hash=sha256:[0-9a-f]{64}", line)))
    return found


def test_every_release_has_its_hashes() -> None:
    assert len(locked()) > 30
    assert all(n > 0 for _, n in locked().values())


def test_the_lock_has_what_the_project_asks_for_and_torch_by_range() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "requirements" / "inputs.py"],
        capture_output=True,
        text=True,
        check=True,
    )
    wanted, known = [Requirement(line) for line in done.stdout.splitlines()], locked()
    assert len(wanted) > 15
    for requirement in wanted:
        assert requirement.specifier.contains(known[requirement.name][0]), requirement
    assert "torch" not in known


def test_what_the_sdist_leaves_out_is_named_from_the_root() -> None:
    """A pattern such as `runs` would leave out the room of that name too."""
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    for pattern in stated["tool"]["scikit-build"]["sdist"]["exclude"]:
        assert pattern.startswith("/")


def test_the_lock_names_no_place_to_fetch_from() -> None:
    assert "://" not in LOCK
    assert not re.search(r"^-", LOCK, re.MULTILINE)


def test_metadata_is_prepared_without_compiling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a wheel without kernels too, which is made where no compiler works: both say the same."""
    asked, cmake = tmp_path / "asked", tmp_path / "cmake"
    cmake.write_text(
        f'#!/bin/sh\necho "$@" >> {asked}\n'
        """echo '{"version": {"string": "3.31.0"}, "generators": []}'\n"""
    )
    cmake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setitem(sys.modules, "cmake", None)
    monkeypatch.chdir(ROOT)
    build = pytest.importorskip("scikit_build_core.build")
    wheels = []
    for kernels in ("true", "false"):
        folder = tmp_path / kernels
        settings = {"wheel.cmake": kernels, "wheel.platlib": "true"}
        name = build.prepare_metadata_for_build_wheel(str(folder), settings)
        wheels.append((folder / name / "WHEEL").read_text())
    assert set(asked.read_text().splitlines()) == {"-E capabilities"}
    assert wheels[0] == wheels[1]


def test_the_release_is_named_alike_everywhere() -> None:
    """The version in the changelog, which says how to upgrade, and in the citation file."""
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    released = re.search(
        rf"^## \[{re.escape(__version__)}\] - (\d{{4}}-\d\d-\d\d)$", changelog, re.M
    )
    assert released
    section = changelog[released.end() :].partition("\n## [")[0]
    assert "\n### Upgrading from " in section
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"\nversion: {__version__}\n" in citation
    assert f"\ndate-released: {released[1]}\n" in citation


def test_what_is_compiled_in_is_in_the_notice() -> None:
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    notice = (ROOT / "NOTICE").read_text("utf-8")
    for needed in stated["build-system"]["requires"]:
        name = Requirement(needed).name
        assert name in (*BUILDERS, *re.findall(r"\w+", notice)), f"{name}: is it compiled in?"
    assert "Redistributions in binary form must reproduce" in notice
    assert stated["project"]["license-files"] == ["LICENSE", "NOTICE"]


def test_the_package_page_has_addresses_for_every_link() -> None:
    """A registry shows the README alone, without the files beside it."""
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    hook = stated["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    text = (ROOT / "README.md").read_text("utf-8")
    for change in hook["substitutions"]:
        text = re.sub(change["pattern"], change["replacement"], text)
    links = re.findall(r"(!?)\[[^\[\]]*\]\(([^)]+)\)", text)
    assert len(links) > 30
    for picture, address in links:
        start = "https://raw." if picture else "https://"
        assert address.startswith((start, "#")), address


def test_each_action_is_pinned_by_its_commit() -> None:
    """Also which permissions a workflow has, and that it does not run twice at once."""
    workflows = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    assert len(workflows) > 3
    for path in workflows:
        text = path.read_text("utf-8")
        used = re.findall(r"^ *(?:- )?uses: (.*)$", text, re.MULTILINE)
        for action in used:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+(;.*)?", action), action
        assert text.count("persist-credentials: false") == text.count("uses: actions/checkout@")
        assert "\npermissions:\n  contents: read\n\n" in text, path
        assert "\nconcurrency:\n  group: " in text, path


def test_the_recipe_for_conda_follows_the_package() -> None:
    recipe = pytest.importorskip("yaml").safe_load(
        (ROOT / "recipe" / "recipe.yaml").read_text("utf-8")
    )
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    project, conda = stated["project"], {"matplotlib": "matplotlib-base"}
    needed: dict[str, set[str]] = {"always": {f"python {project['requires-python']}"}, "osx": set()}
    for requirement in map(Requirement, project["dependencies"]):
        assert str(requirement.marker or 'sys_platform == "darwin"') == 'sys_platform == "darwin"'
        name = conda.get(requirement.name, requirement.name)
        needed["osx" if requirement.marker else "always"].add(f"{name} {requirement.specifier}")
    run = recipe["requirements"]["run"]
    assert {line for line in run if isinstance(line, str)} == needed["always"]
    assert {line["then"] for line in run if isinstance(line, dict)} == needed["osx"]
    built = map(Requirement, stated["build-system"]["requires"])
    host = {f"{one.name} {one.specifier}" for one in built}
    assert set(recipe["requirements"]["host"]) - {"pip"} == {run[0], *host}
    cmake = stated["tool"]["scikit-build"]["cmake"]["version"]
    assert f"cmake {cmake}" in recipe["requirements"]["build"]
    about = recipe["about"]
    assert recipe["context"]["version"] == __version__
    assert about["license"] == project["license"]
    assert about["license_file"] == project["license-files"]
    assert about["summary"] == project["description"]
