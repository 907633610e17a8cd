"""What was typed: bytes from a terminal as names of keys."""

import re

NAMED = {
    b"\x1b[A": "up", b"\x1b[B": "down", b"\x1b[C": "right", b"\x1b[D": "left",
    b"\x1bOA": "up", b"\x1bOB": "down", b"\x1bOC": "right", b"\x1bOD": "left",
    b"\x1b[H": "home", b"\x1bOH": "home", b"\x1b[1~": "home", b"\x1b[7~": "home",
    b"\x1b[F": "end", b"\x1bOF": "end", b"\x1b[4~": "end", b"\x1b[8~": "end",
    b"\x1b[Z": "back-tab", b"\t": "tab", b" ": "space", b"\r": "enter", b"\n": "enter",
    b"\x1a": "ctrl-z", b"\x0c": "ctrl-l", b"\x1b": "escape",
}  # fmt: skip
"""Sequences of the keys that mean something here (xterm's, rxvt's and the Linux console's)."""

SEQUENCE = re.compile(
    rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1bO[ -~]|\x1b[\]P_^X][^\x07\x1b]*(?:\x07|\x1b\\)"
)
"""A whole escape sequence: CSI, SS3, or a string such as a terminal's answer (ECMA-48)."""

BEGINNING = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|O|[\]P_^X][^\x07\x1b]*\x1b?)?")
"""What may yet become one."""

LONGEST = 256
"""Bytes after which an unfinished sequence is given up."""


class Keys:
    """Turns bytes into keys; what a sequence still lacks may come with the next bytes."""

    def __init__(self) -> None:
        self._kept = b""

    @property
    def unfinished(self) -> bool:
        """Whether bytes wait that may be a lone escape or the beginning of a sequence."""
        return bool(self._kept)

    def feed(self, data: bytes, last: bool = False) -> list[str]:
        """The keys of `data` after what was kept; unknown sequences are none.

        Parameters
        ----------
        data : bytes
        last : bool
            Nothing more came for a while: a kept escape is the escape key.
        """
        data, self._kept, found = self._kept + data, b"", []
        while data:
            match = SEQUENCE.match(data)
            if match:
                key, data = match[0], data[match.end() :]
            elif BEGINNING.fullmatch(data) and not last and len(data) < LONGEST:
                self._kept = data
                break
            else:
                key, data = data[:1], data[1:]
            name = NAMED.get(key) or (key.decode() if key.isascii() and key.isalnum() else "")
            name = name or (key.decode() if key in (b"?", b"+", b"-", b"=", b"_") else "")
            if name:
                found.append(name)
        return found


WATCHING = [
    ("space", "hold, go on"),
    ("← →", "a moment back, on"),
    ("↑ ↓", "ten moments back, on"),
    ("home end", "first, last moment"),
    ("+ -", "faster, slower"),
    ("f", "the newest moment"),
    ("r", "replay"),
    ("tab", "a panel alone, or all"),
    ("1 to 0", "which row is shown"),
    ("a", "axes of the codes"),
    ("q", "leave"),
]
"""Keys and what they do, for a reader."""

ASKING = [
    ("p", "pause training, go on"),
    ("s", "stop, keep the best"),
    ("l", "halve the rate"),
    ("k", "keep a snapshot"),
]
"""Keys that ask something of a run under way."""
