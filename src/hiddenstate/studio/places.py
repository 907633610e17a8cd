"""The folders whose files the studio may name: the one it was started in, and that of the runs.

Files are found by numbers that the server gave out, or by a path that is checked before the disk is
touched; each folder on the way is opened without following links.
"""

import contextlib
import hashlib
import heapq
import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hiddenstate.config.data_fields import STDIN
from hiddenstate.errors import DataError, printable
from hiddenstate.runs import Run

MAX_ENTRIES = 500
"""Files and folders of a folder that are listed."""

DATA_DEPTH = 3
"""Levels of a folder of data: `train` or `test`, classes, files."""


MAX_READ = 32 * 2**20
"""Bytes of the data of a run that is read for its page; `forecast` reads more."""


@dataclass(frozen=True)
class Entry:
    """A file or folder in a listing.

    Parameters
    ----------
    id : str
        What addresses call it.
    name, path : str
        Its name, and the path to type.
    folder : bool
    size : int
        Bytes of a file.
    """

    id: str
    name: str
    path: str
    folder: bool
    size: int


class Places:
    """What may be read under the roots.

    Parameters
    ----------
    roots : sequence of Path
        Folders; relative paths start in the first.
    """

    def __init__(self, *roots: Path) -> None:
        self.roots = tuple(dict.fromkeys(root.resolve() for root in roots))
        self._issued: dict[str, Path] = {}

    def issue(self, path: Path) -> str:
        """Return a number for a path that the server chose."""
        number = hashlib.sha256(os.fsencode(path)).hexdigest()[:24]
        self._issued[number] = path
        return number

    def issued(self, number: str) -> Path | None:
        """Return the path of a number; None if none has it."""
        return self._issued.get(number)

    def checked(self, text: str) -> Path:
        """Return the file or folder that a user typed.

        Raises
        ------
        DataError
            If it is not under a root, or there is nothing, or a link.
        """
        if not text or "\0" in text or len(os.fsencode(text)) > 4096:
            raise DataError("name a file or a folder")
        parts = PurePosixPath(text).parts
        if ".." in parts:
            raise DataError(f"{printable(text)}: a path with .. is not taken; name the whole path")
        path = Path(text) if text.startswith("/") else self.roots[0] / text
        for root in self.roots:
            if path.is_relative_to(root):
                _refuse_links(root, path.relative_to(root).parts, text)
                return path
        where = " or ".join(printable(root) for root in self.roots)
        raise DataError(f"{printable(text)}: not in {where}; start the studio in its folder")

    def data(self, text: str) -> str:
        """Return the data that a user typed, a file or a folder of files, as :meth:`shown` does.

        Raises
        ------
        DataError
            As :meth:`checked`, or if a folder holds a link, which a command would follow.
        """
        path = self.checked(text)
        link = _first_link(path, DATA_DEPTH) if path.is_dir() else None
        if link is not None:
            raise DataError(
                f"{printable(self.shown(link))}: is a link, which the studio does not follow; "
                "copy what it leads to, or use the command line"
            )
        return self.shown(path)

    def why_closed(self, run: Run) -> str:
        """Return why the page of a run does not read its data; empty if it may."""
        data = run.config.data
        named = (data.data, data.test, data.answers)
        size = 0
        try:
            for name in named:
                if name not in (None, STDIN):
                    path = self.roots[0] / self.data(str(name))
                    files = path.rglob("*") if path.is_dir() else [path]
                    size += sum(file.stat().st_size for file in files)
        except (DataError, OSError) as error:
            return f"the data of the run is not read here: {error}"
        most = f"{MAX_READ // 2**20} MiB"
        return f"the data is larger than {most}, the most that a page reads" * (size > MAX_READ)

    def listing(self, folder: Path) -> list[Entry]:
        """Return the files and folders in a folder, by name; hidden ones and links are left out."""
        named: list[tuple[bool, str, str]] = []
        try:
            with os.scandir(folder) as found:
                for entry in found:
                    if entry.name.startswith(".") or entry.is_symlink():
                        continue
                    is_folder = entry.is_dir(follow_symlinks=False)
                    if is_folder or entry.is_file(follow_symlinks=False):
                        named.append((not is_folder, entry.name.casefold(), entry.name))
        except OSError as error:
            raise DataError(f"{printable(folder)}: cannot be read: {error.strerror}") from None
        entries = []
        for is_file, _, name in heapq.nsmallest(MAX_ENTRIES, named):
            path = folder / name
            with contextlib.suppress(OSError):  # removed in the meantime
                size = path.lstat().st_size if is_file else 0
                number, shown = self.issue(path), self.shown(path)
                entries.append(Entry(number, printable(name), shown, not is_file, size))
        return entries

    def shown(self, path: Path) -> str:
        """Return a path as a user types it: relative to the first root where it is under it, and
        never like an option."""
        first = self.roots[0]
        text = str(path.relative_to(first) if path.is_relative_to(first) else path)
        return f"./{text}" if text.startswith("-") else text


def _first_link(folder: Path, depth: int) -> Path | None:
    """Return the first link in a folder and those in it that readers look at, or None."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"{printable(folder)}: cannot be read: {error.strerror}") from None
    for entry in entries:
        path = folder / entry.name
        if entry.is_symlink():
            return path
        if depth > 1 and entry.is_dir(follow_symlinks=False):
            link = _first_link(path, depth - 1)
            if link is not None:
                return link
    return None


def _refuse_links(root: Path, parts: tuple[str, ...], text: str) -> None:
    """Open each folder on the way from its parent, and refuse what is a link or missing."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts:
            status = os.stat(part, dir_fd=descriptor, follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                raise DataError(f"{printable(text)}: {printable(part)} is a link; name its target")
            if not stat.S_ISDIR(status.st_mode):
                if part != parts[-1] or not stat.S_ISREG(status.st_mode):
                    raise DataError(f"{printable(text)}: not a file or folder")
                return
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
    except OSError as error:
        raise DataError(f"{printable(text)}: {error.strerror}") from None
    finally:
        os.close(descriptor)
