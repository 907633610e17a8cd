"""Decodes the bytes that a terminal sends into names of keys."""

import re

NAMED = {
    b"\x1b[A": "up", b"\x1b[B": "down", b"\x1b[C": "right", b"\x1b[D": "left",
    b"\x1bOA": "up", b"\x1bOB": "down", b"\x1bOC": "right", b"\x1bOD": "left",
    b"\x1b[H": "home", b"\x1bOH": "home", b"\x1b[1~": "home", b"\x1b[7~": "home",
    b"\x1b[F": "end", b"\x1bOF": "end", b"\x1b[4~": "end", b"\x1b[8~": "end",
    b"\x1b[Z": "back-tab", b"\t": "tab", b" ": "space", b"\r": "enter", b"\n": "enter",
    b"\x1a": "ctrl-z", b"\x0c": "ctrl-l", b"\x1b": "escape",
}  # fmt: skip
"""Escape sequences of the keys in use (those of xterm, rxvt and the Linux console)."""

SEQUENCE = re.compile(
    rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1bO[ -~]|\x1b[\]P_^X][^\x07\x1b]*(?:\x07|\x1b\\)"
)
"""A whole escape sequence: CSI, SS3, or a string such as a terminal's reply (ECMA-48)."""

BEGINNING = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|O|[\]P_^X][^\x07\x1b]*\x1b?)?")
"""The beginning of an escape sequence."""

MAX_SEQUENCE = 256
"""Bytes after which an unfinished sequence is dropped."""


class Keys:
    """Decodes bytes into keys; a sequence may continue in the next bytes."""

    def __init__(self) -> None:
        self._unread = b""

    @property
    def unfinished(self) -> bool:
        """Whether there are bytes that may be a lone escape or the beginning of a sequence."""
        return bool(self._unread)

    def feed(self, data: bytes, last: bool = False) -> list[str]:
        """Return the keys in `data`, after the bytes not decoded yet; unknown sequences are none.

        Parameters
        ----------
        data : bytes
        last : bool, default False
            Whether no more bytes followed: then an escape that is not decoded yet is the key.

        Returns
        -------
        list of str
        """
        data, self._unread, keys = self._unread + data, b"", []
        while data:
            match = SEQUENCE.match(data)
            if match:
                key, data = match[0], data[match.end() :]
            elif BEGINNING.fullmatch(data) and not last and len(data) < MAX_SEQUENCE:
                self._unread = data
                break
            else:
                key, data = data[:1], data[1:]
            name = NAMED.get(key) or (key.decode() if key.isascii() and key.isalnum() else "")
            name = name or (key.decode() if key in (b"?", b"+", b"-", b"=", b"_") else "")
            if name:
                keys.append(name)
        return keys


VIEW_KEYS = [
    ("space", "pause or resume the view"),
    ("← →", "one moment back, forward"),
    ("↑ ↓", "ten moments back, forward"),
    ("home end", "first, last moment"),
    ("+ -", "faster, slower"),
    ("f", "follow the newest moment"),
    ("r", "replay"),
    ("tab", "next panel alone, or all"),
    ("1 to 0", "select a row"),
    ("a", "next axes of the codes"),
    ("q", "quit the view"),
]
"""Keys of the view, and what they do."""

RUN_KEYS = [
    ("p", "pause or resume training"),
    ("n", "next update, then pause"),
    ("s", "stop, keep the best weights"),
    ("l", "halve the learning rate"),
    ("k", "save a snapshot"),
]
"""Keys that send a request to a run in progress."""
