"""Writes runs with the client of Weights & Biases, to its server or into its offline files."""

import hashlib
import os
import re
import time
from collections.abc import Callable, Sequence
from io import BytesIO, FileIO
from pathlib import Path
from typing import Any

from hiddenstate.errors import printable
from hiddenstate.scale.track.address import check_url
from hiddenstate.scale.track.destination import (
    RESULT,
    AwayError,
    Ending,
    Line,
    RefusedError,
)
from hiddenstate.scale.track.facts import RunFacts
from hiddenstate.scale.track.wandb_file import records, rows
from hiddenstate.scale.track.written import Written
from hiddenstate.system.atomic_file import make_folder
from hiddenstate.system.extras import require
from hiddenstate.system.lock import take_lock

SERVER = "a W&B server"

STEP = "step"
"""Name of the value that charts have as their axis."""

ENDING = "hiddenstate ending"
"""Name in the summary of how the run ended, once all of that is stored."""

TIMEOUT_SECONDS = 30

_open_runs: set[str] = set()  # which share the client's own process

QUIET_SECONDS = 1.5
"""The client's own process writes the files, and may outlive a follower that is killed by so
much."""


class Wandb:
    """A run at Weights & Biases.

    Its own number of a row is twice the number of the line, so that a row that is sent again has
    the number of the one that is there; figures have the odd numbers between.

    Parameters
    ----------
    folder : Path
        The client makes a folder `wandb` in it.
    project : str
    url : str, optional
        Address of a server; that of the service without it.
    note : callable
    """

    def __init__(
        self, folder: Path, project: str, url: str | None, note: Callable[[str], None]
    ) -> None:
        require("wandb", "tracking with Weights & Biases")
        self.folder, self._project, self._url, self._note = folder, project, url, note
        mode = os.environ.get("WANDB_MODE")
        online = mode == "online" or (not mode and bool(os.environ.get("WANDB_API_KEY")))
        self._mode: Any = "online" if online else "offline"
        server = "wandb.ai" if url is None else check_url(url, SERVER, "WANDB_API_KEY")
        files = f"{printable(folder / 'wandb')} (offline; `wandb sync` uploads it)"
        self.where = server if online else files
        self._lock: FileIO | None = None
        self._run: Any = None
        self._written = Written()
        self._ending = ""
        self._numbers: set[int] = set()
        self._first = 0

    def open(self, facts: RunFacts) -> Written:
        """Begin, or continue, the run in the project; see :class:`Destination`."""
        identity = hashlib.sha256(facts.identity.encode()).hexdigest()[:16]
        own = self.folder / "wandb" / "hiddenstate" / identity
        make_folder(own)
        self._lock = take_lock(own)
        self._written, self._ending, self._first = Written(), "", 0
        self._numbers = set()
        try:
            self._facts, self._identity = facts, identity
            if self._mode == "online":  # what the server has counts, not what was kept for it
                self._begin()
            else:
                self._read_back(identity)
        except BaseException:
            self.close()
            raise
        return self._written

    def _read_back(self, identity: str) -> None:
        """Note what the files of this run hold; each start of a follower has made one."""
        for path in sorted((self.folder / "wandb").glob(f"offline-run-*-{identity}/run-*.wandb")):
            _wait_until_quiet(path)
            for row in rows(path):
                number, step = row.pop("_step", None), row.pop(STEP, None)
                self._numbers.add(number)
                for name, value in row.items():
                    if (
                        type(value) in (int, float)
                        and not name.startswith("_")
                        and step is not None
                    ):
                        self._written.add(name, step, value)
            for record in records(path):
                for item in record.summary.update:
                    if ENDING in (item.key, ".".join(item.nested_key)):
                        self._ending = item.value_json.strip('"')

    def _begin(self) -> Any:
        """Start the client, when there is something to write."""
        if self._run is not None:
            return self._run
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        os.environ.setdefault("WANDB_DATA_DIR", str(self.folder.absolute() / "wandb"))
        os.environ["WANDB_SILENT"] = "true"
        import wandb

        settings: dict[str, Any] = {
            "silent": True,
            "console": "off",
            "disable_git": True,
            "disable_code": True,
            "init_timeout": TIMEOUT_SECONDS,
            "x_disable_stats": True,
            "x_disable_meta": True,
            "x_disable_machine_info": True,
            "x_save_requirements": False,
        }
        if self._url is not None:
            settings["base_url"] = self._url
        facts = self._facts
        try:
            run = wandb.init(
                project=self._project,
                id=self._identity,
                name=facts.name,
                job_type=facts.job,
                dir=str(self.folder),
                config={**facts.numbers, **{k: v for k, v in facts.tags.items() if v}},
                mode=self._mode,
                resume="allow",
                reinit="create_new",
                settings=wandb.Settings(**settings),
            )
        except wandb.errors.AuthenticationError:
            raise RefusedError(f"{self.where}: refuses; set WANDB_API_KEY") from None
        except (wandb.errors.CommError, TimeoutError, OSError) as error:
            raise AwayError(printable(type(error).__name__)) from None
        except wandb.errors.Error as error:
            raise RefusedError(f"{self.where}: refuses: {printable(error, 200)}") from None
        except Exception as error:
            if type(error).__name__ != "ServerResponseError":  # its process still has the last one
                raise
            raise AwayError(printable(error)) from None
        _open_runs.add(self._identity)
        run.define_metric(STEP, hidden=True)
        run.define_metric("*", step_metric=STEP)
        if self._mode == "online":  # the server says how many rows it has
            self._first = int(run.step)
        self._run = run
        return run

    def write(self, lines: Sequence[Line]) -> None:
        """Write a row for each line; the client's process stores it soon after."""
        run = self._begin()
        for line in lines:
            number = 2 * line.number
            if number >= self._first and number not in self._numbers:
                run.log({STEP: line.step, **line.values}, step=number)

    def rewind(self, step: int) -> bool:
        """The client drops no rows."""
        return False

    def is_finished(self, name: str) -> bool:
        """Whether this ending is stored."""
        return self._ending == name

    def finish(self, ending: Ending) -> None:
        """Write figures, results, model card and model, and wait until the client is done."""
        import wandb
        from PIL import Image

        run = self._begin()
        number = 2 * ending.n_lines - 1
        if number >= self._first and number not in self._numbers and ending.figures:
            images = {}
            for name, data in ending.figures.items():
                with Image.open(BytesIO(data)) as image:
                    images[f"figures/{name}"] = wandb.Image(image)
            run.log({STEP: ending.step, **images}, step=number)
        name = re.sub(r"[^\w.-]", "_", self._facts.name)[:100]
        files = wandb.Artifact(name, "model", metadata=dict(self._facts.tags))
        for name, path in ending.files.items():
            files.add_file(str(path), name)
        with files.new_file("README.md", encoding="utf-8") as stream:
            stream.write(ending.card)
        run.log_artifact(files)
        run.summary.update({RESULT + name: value for name, value in ending.results.items()})
        run.summary.update({"status": ending.status, ENDING: ending.name})
        self._run = None
        _end(run, 0 if ending.status == "done" else 1)
        self._ending = ending.name

    def close(self) -> None:
        """Have the client store what it was given, and let others follow the run."""
        run, self._run = self._run, None
        if run is not None:
            _end(run, 0)
        self._written, self._numbers = Written(), set()
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _end(run: Any, code: int) -> None:
    """End a run of the client, and wait until its own process has written the file of it."""
    import wandb

    path = Path(run.settings.sync_file) if run.settings._offline else None
    run.finish(exit_code=code)
    _open_runs.discard(run.id)
    if not _open_runs:  # a run that is resumed later can be begun again
        wandb.teardown()
    end = time.monotonic() + TIMEOUT_SECONDS
    size = -1
    while path is not None and time.monotonic() < end:
        size_now = path.stat().st_size if path.exists() else 0
        if size_now == size and any(each.HasField("exit") for each in records(path)):
            return
        size = size_now
        time.sleep(0.05)


def _wait_until_quiet(path: Path) -> None:
    """Wait, but not for long, until no process that was left behind writes a file."""
    end = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < end:
        try:
            before = path.stat()
        except OSError:
            return
        age = time.time() - before.st_mtime
        if not 0 <= age < QUIET_SECONDS:
            return
        time.sleep(QUIET_SECONDS - age)
