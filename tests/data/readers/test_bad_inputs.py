"""Readers refuse what commands refuse, in the same words: one table of bad input drives both."""

import os
import re
import shlex
from pathlib import Path

import pytest
from tools.stress import data_files
from tools.stress.abuses import refusals

from hiddenstate.errors import HiddenstateError

OF_DATA = [
    abuse
    for abuse in refusals()
    if re.fullmatch(r"hiddenstate (classify|regress|autoencode) [^-\s]\S*", abuse.line)
]
"""Refusals of one file or folder by a job without options."""


@pytest.mark.parametrize("area", sorted({abuse.area for abuse in OF_DATA}))
def test_readers_refuse_what_commands_refuse(
    area: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, abuse in enumerate(a for a in OF_DATA if a.area == area):
        folder = tmp_path / str(number)
        for name, content in abuse.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        folder.mkdir(exist_ok=True)
        if abuse.make is not None:
            abuse.make(folder)
        before = sorted(os.walk(folder))
        monkeypatch.chdir(folder)
        _, job, data = shlex.split(abuse.line)
        with pytest.raises(HiddenstateError) as error:  # noqa: PT012
            print(abuse.name)
            data_files.train(job, {"data": data})
        assert error.value.exit_code in abuse.ends, abuse.name
        assert re.search(abuse.says, str(error.value)), f"{abuse.name}: {error.value}"
        assert str(error.value).isprintable()
        assert sorted(os.walk(folder)) == before
