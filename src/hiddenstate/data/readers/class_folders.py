"""Lists the files of a folder with one subfolder per class, such as images and sounds.

Names that start with a dot are ignored; a remark reports all other files. Sub-folders `train` and
`test`, each with one folder per class, hold the training and test rows. Rows are ordered by class,
then by name.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hiddenstate.data.readers.formats import IMAGES, SOUNDS, has_ending
from hiddenstate.errors import DataError, printable

LISTED = 100
"""Largest number of names listed in remarks."""


@dataclass(frozen=True)
class Example:
    """A file, and its class if it is in the folder of one."""

    path: Path
    label: str | None


@dataclass
class ClassFolders:
    """The files of a folder that are read, and those that are not.

    Parameters
    ----------
    noun : str
        What a file is: `image`.
    endings : tuple of str
        Endings of the names of files that are read, in lower case.
    others : int
        Number of other files.
    outside : list of str
        Folders and files in places that are not searched.
    bad : list of str
        Files that cannot be read, with the reason.
    """

    noun: str
    endings: tuple[str, ...]
    others: int = 0
    outside: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)

    def halves(self, path: Path) -> tuple[list[Example], list[Example]]:
        """Return the training and the test files of a folder; or a file alone.

        Raises
        ------
        DataError
            If a folder cannot be read.
        """
        if not path.is_dir():
            return [Example(path, None)], []
        folders, files, _ = self._entries(path)
        names = {folder.name: folder for folder in folders}
        if "train" in names:
            classes, _, _ = self._entries(names["train"])
            # A class may be called train, but then there are others.
            if classes or set(names) <= {"train", "test"}:
                others = [folder for folder in folders if folder.name not in ("train", "test")]
                self.outside += [printable(other) for other in (*others, *files)]
                test = self._examples(names["test"]) if "test" in names else []
                return self._examples(names["train"]), test
        return self._examples(path), []

    def without_class(self, examples: list[Example]) -> None:
        """Note files that are not read because they have no class."""
        self.outside += [f"{printable(each.path)}: without a class" for each in examples]

    def remarks(self, where: str) -> Iterator[str]:
        """Yield what a user should know of a folder, one line each."""
        if self.others:
            files = "1 file" if self.others == 1 else f"{self.others} files"
            article = "an" if self.noun[0] in "aeiou" else "a"
            yield f"{where}: {files} without the suffix of {article} {self.noun} ignored"
        for noun, what, names in (
            ("path", "ignored", self.outside),
            (f"unreadable {self.noun}", "left out", self.bad),
        ):
            if names:
                yield f"{where}: {len(names)} {noun}{'s' if names[1:] else ''} {what}"
                yield from names[:LISTED]
            if len(names) > LISTED:
                yield f"and {len(names) - LISTED} more"

    def _examples(self, folder: Path) -> list[Example]:
        """Return files by class or, if no subfolder has any, those in the folder itself."""
        folders, files, others = self._entries(folder)
        self.others += others
        rows = []
        for sub in folders:
            deeper, inside, others = self._entries(sub)
            self.others += others
            self.outside += [printable(path) for path in deeper]
            if not inside:
                self.outside.append(f"{printable(sub)}: no {self.noun}s")
            label = os.fsencode(sub.name).decode("utf-8", "backslashreplace")
            rows += [Example(path, label) for path in inside]
        if not rows:
            return [Example(path, None) for path in files]
        for path in files:
            if path.exists():
                self.outside.append(f"{printable(path)}: not in a class")
            else:  # a broken link may have been a class: reading it reports the error
                rows.append(Example(path, path.name))
        return rows

    def _entries(self, folder: Path) -> tuple[list[Path], list[Path], int]:
        """Return folders, files to read or broken links, each in order; and how many others."""
        folders, files, others = [], [], 0
        try:
            for path in sorted(folder.iterdir()):
                if path.name.startswith(".") or path.name == "__MACOSX":
                    continue
                if path.is_dir():
                    folders.append(path)
                elif has_ending(path, self.endings) or (path.is_symlink() and not path.exists()):
                    files.append(path)
                else:
                    others += 1
        except OSError as error:
            raise DataError(f"{printable(folder)}: cannot be read: {error.strerror}") from None
        return folders, files, others


def labelled(examples: list[Example]) -> bool:
    """Return whether all files have a class."""
    return all(each.label is not None for each in examples)


def spaced(examples: list[Example], n: int) -> list[Example]:
    """Return `n` evenly spaced files, or all if there are fewer."""
    chosen = np.unique(np.linspace(0, len(examples) - 1, min(n, len(examples))).astype(int))
    return [examples[k] for k in chosen.tolist()]


def more_sounds(folder: Path) -> bool:
    """Return whether a folder, with the folders in it and in those, holds more sounds than images.

    Raises
    ------
    DataError
        If it holds as many of both.
    """
    places, counts = [folder], [0, 0]
    for _ in range(3):
        deeper: list[Path] = []
        for place in places:
            try:
                entries = [path for path in place.iterdir() if not path.name.startswith(".")]
            except OSError:
                continue
            for k, endings in enumerate((IMAGES, SOUNDS)):
                counts[k] += sum(has_ending(p, endings) and not p.is_dir() for p in entries)
            deeper += [path for path in entries if path.is_dir()]
        places = deeper
    images, sounds = counts
    if images == sounds > 0:
        raise DataError(
            f"{printable(folder)}: holds as many images as sounds ({images}); move those of one "
            "kind to another folder"
        )
    return sounds > images
