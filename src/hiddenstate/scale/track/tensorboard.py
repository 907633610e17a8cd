"""Writes runs as TensorBoard's event files, and reads back what it has written."""

import os
import re
import struct
import time
from collections.abc import Iterator, Sequence
from io import BytesIO, FileIO
from pathlib import Path
from typing import Any

from hiddenstate.errors import MachineError, OptionError, printable
from hiddenstate.metrics.glossary import entry_of
from hiddenstate.metrics.headline import HEADLINES
from hiddenstate.scale.track.destination import RESULT, AwayError, Ending, Line
from hiddenstate.scale.track.facts import RunFacts
from hiddenstate.scale.track.written import Written
from hiddenstate.system.atomic_file import append, make_folder
from hiddenstate.system.extras import require
from hiddenstate.system.lock import take_lock
from hiddenstate.system.sockets import host_name

_SECOND = re.compile(r"tfevents\.(\d{10})\.")

RUN, OPTIONS, NAMES, CARD, STATUS = "run", "options", "names", "model card", "status"
FIGURES = "figures/"
"""Tags of texts, and the start of the tags of images."""

NAMED = ("loss", "mean_loss", "lr", "valid_loss")
"""Numbers of every job whose meaning is written beside them."""


class TensorBoard:
    """A run as a folder of event files.

    A follower that was killed may leave an unfinished record at the end of its file. TensorBoard
    and this reader go on with the next file there, and what was lost is written again.

    Parameters
    ----------
    folder : Path
        What `tensorboard --logdir` is given; the run gets a folder of its own in it.
    name : str
        Name of that folder.
    """

    def __init__(self, folder: Path, name: str) -> None:
        require("tensorboard", "tracking with TensorBoard")
        self.folder = folder / name
        self.where = printable(self.folder)
        self._lock: FileIO | None = None
        self._path: Path | None = None
        self._buffer = BytesIO()
        self._records: Any = None
        self._shown: set[tuple[str, int]] = set()
        self._status = ""
        self._written = Written()

    def open(self, facts: RunFacts) -> Written:
        """Read the event files that are there; see :class:`Destination`.

        Raises
        ------
        OptionError
            If the folder has event files of another run.
        MachineError
            If it cannot be made, or another process follows the run into it.
        """
        make_folder(self.folder)
        self._lock = take_lock(self.folder)
        self._shown, self._status = set(), ""
        self._written = Written()
        try:
            owner = self._read_back()
            if owner not in (None, facts.identity):
                raise OptionError(
                    f"{self.where}: holds the events of another run; name another folder with "
                    "--into, or remove it"
                )
            if owner is None:
                self._introduce(facts)
        except BaseException:
            self.close()
            raise
        return self._written

    def _paths(self) -> list[Path]:
        """The event files, in the order in which TensorBoard reads them."""
        return sorted(path for path in self.folder.glob("*tfevents*") if path.is_file())

    def _read_back(self) -> str | None:
        """Note what the files hold; return whose they are, None if nobody's."""
        owner = None
        empty = True
        for path in self._paths():
            for event in _events(path):
                if event.HasField("session_log"):
                    self._written.cut(event.step)
                    self._forget(event.step)
                for value in event.summary.value:
                    empty = False
                    text = self._note(value, event.step)
                    owner = text if value.tag == RUN and owner is None else owner
        return owner if owner is not None or empty else ""

    def _note(self, value: Any, step: int) -> str:
        """Note a value that is there; return it, if it is the identity of a run."""
        from tensorboard.util.tensor_util import make_ndarray

        if value.tag.startswith(FIGURES):
            self._shown.add((value.tag, step))
        elif value.tag in (RUN, STATUS):
            text = str(make_ndarray(value.tensor).ravel()[0].decode("utf-8", "replace"))
            if value.tag == RUN:
                return text.partition("identity `")[2].partition("`")[0]
            self._status = text
        elif value.tag in (OPTIONS, NAMES, CARD) or value.tag.startswith("_hparams_"):
            self._shown.add((value.tag, step))
        else:
            numbers = make_ndarray(value.tensor).ravel()
            if numbers.dtype.kind == "f" and numbers.size == 1:
                self._written.add(value.tag, step, float(numbers[0]))
        return ""

    def _introduce(self, facts: RunFacts) -> None:
        """Write which run this is, and its options."""
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb
        from tensorboard.plugins.text.summary_v2 import text_pb

        now = facts.started / 1000
        lines = [f"Run **{facts.name}**, identity `{facts.identity}`", ""]
        lines += [
            "| | |",
            "|-|-|",
            *(f"| {_cell(k)} | {_cell(v)} |" for k, v in facts.tags.items()),
        ]
        options = ["| option | value |", "|-|-|"]
        options += [f"| {_cell(name)} | {_cell(value)} |" for name, value in facts.options.items()]
        self._add(0, now, summary=text_pb(RUN, "\n".join(lines)))
        named = ((n, entry_of(n, facts.job)) for n in (*NAMED, *HEADLINES[facts.job]))
        names = ["| name | meaning |", "|-|-|"]
        names += [f"| {_cell(n)} | {_cell(f'{e.title}: {e.definition}')} |" for n, e in named]
        self._add(0, now, summary=text_pb(NAMES, "\n".join(names)))
        self._add(0, now, summary=text_pb(OPTIONS, "\n".join(options)))
        self._add(0, now, summary=hparams_pb(dict(facts.numbers), facts.identity, now))
        self._store()

    def write(self, lines: Sequence[Line]) -> None:
        """Write the lines, one event each."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        for line in lines:
            values = [_scalar(name, value) for name, value in line.values.items()]
            self._add(line.step, line.seen, summary=Summary(value=values))
        self._store()

    def rewind(self, step: int) -> bool:
        """Have TensorBoard drop all points from `step` on."""
        from tensorboard.compat.proto.event_pb2 import SessionLog

        self._add(step, time.time(), session_log=SessionLog(status=SessionLog.START))
        self._store()
        self._forget(step)
        return True

    def _forget(self, step: int) -> None:
        """Forget the figures and the ending from `step` on."""
        self._shown, self._status = {(tag, at) for tag, at in self._shown if at < step}, ""

    def is_finished(self, name: str) -> bool:
        """Whether this ending is stored."""
        return self._status == name

    def finish(self, ending: Ending) -> None:
        """Write the figures, the results and the model card; event files hold no model."""
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.plugins.text.summary_v2 import text_pb

        now, step = ending.time / 1000, ending.step
        results = {RESULT + name: value for name, value in ending.results.items()}
        values = [
            _scalar(name, value)
            for name, value in results.items()
            if self._written.value(name, step) is None
        ]
        if values:
            self._add(step, now, summary=Summary(value=values))
        for name, data in ending.figures.items():
            if (FIGURES + name, step) not in self._shown:
                self._add(step, now, summary=_image(FIGURES + name, data))
        if (CARD, step) not in self._shown:
            self._add(step, now, summary=text_pb(CARD, ending.card))
        self._add(step, now, summary=_session_end(ending.status == "done", now))
        self._add(step, now, summary=text_pb(STATUS, ending.name))
        self._store()
        self._status = ending.name

    def _add(self, step: int, moment: float, **what: Any) -> None:
        """Prepare an event; `_store` writes all that are prepared."""
        from tensorboard.compat.proto.event_pb2 import Event

        if self._path is None:
            self._begin_file()
        event = Event(step=step, wall_time=moment, **what)
        self._records.write(event.SerializeToString())

    def _begin_file(self) -> None:
        """Choose the name of a new file, which begins with what a reader looks for."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        # TensorBoard reads files by name, which begins with the second they were made in.
        made = [int(n[1]) for path in self._paths() if (n := _SECOND.search(path.name))]
        second = max(int(time.time()), max(made, default=0) + 1)
        host = re.sub(r"[^\w.-]", "_", host_name())
        name = f"events.out.tfevents.{second:010d}.{host}.{os.getpid()}.hiddenstate"
        self._path = self.folder / name
        self._buffer = BytesIO()
        self._records = RecordWriter(self._buffer)
        first = Event(wall_time=time.time(), file_version="brain.Event:2")
        self._records.write(first.SerializeToString())

    def _store(self) -> None:
        """Append what was prepared to the file, in whole or not at all (`AwayError`)."""
        if self._path is None:
            return
        data = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        try:
            append(self._path, data, durable=False)
        except MachineError as error:
            raise AwayError(str(error)) from None

    def close(self) -> None:
        """Leave the file, and let others follow the run."""
        self._path, self._written, self._shown = None, Written(), set()
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _events(path: Path) -> Iterator[Any]:
    """Yield the events of a file, up to its end or an unfinished record."""
    from google.protobuf.message import DecodeError
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    try:
        yield from EventFileLoader(str(path)).Load()
    except DecodeError:  # not written by this program
        return


def _scalar(name: str, value: float) -> Any:
    """A number, in the older of two forms: every reader of these files has it."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary.Value(tag=name, simple_value=value)


def _image(tag: str, data: bytes) -> Any:
    """A PNG image as a summary."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    width, height = struct.unpack(">II", data[16:24])  # of its first chunk
    image = Summary.Image(width=width, height=height, colorspace=3, encoded_image_string=data)
    return Summary(value=[Summary.Value(tag=tag, image=image)])


def _session_end(is_done: bool, moment: float) -> Any:
    """The end of a session of the plugin that shows options beside results."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import metadata
    from tensorboard.plugins.hparams.api_pb2 import Status
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo

    status = Status.STATUS_SUCCESS if is_done else Status.STATUS_FAILURE
    data = HParamsPluginData(session_end_info=SessionEndInfo(status=status, end_time_secs=moment))
    summary = Summary()
    summary.value.add(
        tag=metadata.SESSION_END_INFO_TAG,
        metadata=metadata.create_summary_metadata(data),
        tensor=metadata.NULL_TENSOR,
    )
    return summary


def _cell(text: str) -> str:
    """Text as it stands in a cell of a table in Markdown."""
    return re.sub(r"([\\`*_|<>\[\]])", r"\\\1", text)
