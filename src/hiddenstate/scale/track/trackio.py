"""Writes runs into the local database of Trackio, and reads back what it has."""

import contextlib
import io
import os
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hiddenstate.errors import MachineError, OptionError, printable
from hiddenstate.scale.track.destination import RESULT, AwayError, Ending, Line
from hiddenstate.scale.track.facts import RunFacts
from hiddenstate.scale.track.written import Written
from hiddenstate.system.extras import require

ENDING, STATUS = "hiddenstate.ending", "hiddenstate.status"
"""Entries of a run's config: how it ended, once all of that is stored, and its status."""


class Trackio:
    """A run in a project of Trackio, which is a SQLite file on this machine.

    A row carries the number of its line in the history as its id, which the database takes once.

    Parameters
    ----------
    folder : Path, optional
        Folder of the database; without it that of Trackio, `TRACKIO_DIR` in the environment.
    project : str
    note : callable
        Called with a line about what cannot be stored.
    """

    def __init__(self, folder: Path | None, project: str, note: Callable[[str], None]) -> None:
        if folder is not None:
            os.environ["TRACKIO_DIR"] = str(folder.absolute())  # read when it is imported
        self._client = require("trackio", "tracking with Trackio")
        self._rows = self._client.SQLiteStorage
        try:
            self._rows.validate_project_name(project)
        except ValueError as error:
            raise OptionError(f"--project: {printable(error, 200)}") from None
        self._project, self._note = project, note
        database = printable(self._rows.get_project_db_path(project))
        self.where = f"{database} (trackio show --project {printable(project)})"
        self._facts: RunFacts | None = None
        self._there: set[str] = set()
        self._ending = ""

    @property
    def _run(self) -> dict[str, str]:
        assert self._facts is not None
        return {"run": self._facts.name, "run_id": self._facts.identity}

    def open(self, facts: RunFacts) -> Written:
        """Read back the rows of the run; see :class:`Destination`."""
        self._facts, written = facts, Written()
        with _problems(self.where):
            rows = self._rows.get_logs(self._project, **self._run)
            config = self._rows.get_run_config(self._project, **self._run) or {}
        for row in rows:
            for name, value in row.items():
                if name not in ("step", "timestamp") and type(value) in (int, float):
                    written.add(name, row["step"], value)
        self._ending = str(config.get(ENDING, ""))
        return written

    def _config(self, **more: str) -> dict[str, Any]:
        assert self._facts is not None
        return {**self._facts.numbers, **{k: v for k, v in self._facts.tags.items() if v}, **more}

    def write(self, lines: Sequence[Line]) -> None:
        """Write a row for each line, in one transaction."""
        with _problems(self.where):
            self._rows.bulk_log(
                self._project,
                metrics_list=[dict(line.values) for line in lines],
                steps=[line.step for line in lines],
                timestamps=[_iso(line.time) for line in lines],
                log_ids=[f"{self._run['run_id']}-{line.number}" for line in lines],
                config=self._config(),
                **self._run,
            )

    def rewind(self, step: int) -> bool:
        """The database keeps the first row of a line."""
        return False

    def is_finished(self, name: str) -> bool:
        """Whether this ending is stored."""
        return self._ending == name

    def finish(self, ending: Ending) -> None:
        """Write the model, and then in one transaction results, figures, model card and ending."""
        from PIL import Image

        client, of_run = self._client, self._run
        config = self._config(**{STATUS: ending.status, ENDING: ending.name})
        values: dict[str, Any] = {RESULT + name: value for name, value in ending.results.items()}
        with _problems(self.where), contextlib.redirect_stdout(io.StringIO()):
            run = client.Run(
                url=None,
                project=self._project,
                client=None,
                name=of_run["run"],
                run_id=of_run["run_id"],
                config=config,
            )
            try:
                artifact = client.Artifact(re.sub(r"[^\w.-]", "_", of_run["run"])[:100], "model")
                for name, path in ending.files.items():
                    artifact.add_file(str(path), name)
                if ending.files:
                    run.log_artifact(artifact)
                for name, data in ending.figures.items():
                    with Image.open(io.BytesIO(data)) as image:
                        values[f"figures/{name}"] = client.Image(image.copy())
                run.log({**values, "model card": client.Markdown(ending.card)}, step=ending.step)
            finally:
                run.finish()
        self._ending = ending.name

    def close(self) -> None:
        """Forget the run; no connection is held."""
        self._facts = None


@contextlib.contextmanager
def _problems(where: str) -> Any:
    """Turn errors of the database into `AwayError` where it may be free later."""
    import sqlite3

    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise AwayError("another process holds the database") from None
        raise MachineError(f"{where}: {printable(error, 200)}") from None
    except (sqlite3.Error, OSError) as error:
        raise MachineError(f"{where}: {printable(error, 200)}") from None


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()
