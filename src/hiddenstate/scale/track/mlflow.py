"""Writes runs to an MLflow server through its client, and reads back what it has."""

import logging
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from io import BytesIO
from typing import Any, TypeVar
from urllib.parse import urlsplit

from hiddenstate.errors import MachineError, OptionError, printable
from hiddenstate.scale.track.address import check_url
from hiddenstate.scale.track.destination import (
    RESULT,
    AwayError,
    Ending,
    Line,
    RefusedError,
)
from hiddenstate.scale.track.facts import RunFacts
from hiddenstate.scale.track.written import Written
from hiddenstate.system.extras import require

DEFAULT_URL = "http://127.0.0.1:5000"
"""Where `mlflow server` listens unless told otherwise."""

SECRETS = "MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"

IDENTITY, ENDING = "hiddenstate.run", "hiddenstate.ending"
"""Tags of the run that is followed, and of how it ended once all of that is stored."""

REGISTERED = "hiddenstate.registered"
"""Tag of the registered model that got the model of which ending."""

BATCH = 1000
"""Metrics that the server takes in one call."""

PARAMETERS = 100
"""Parameters that it takes in one call."""

STATUSES = {"done": "FINISHED", "running": "RUNNING", "failed": "FAILED", "diverged": "FAILED"}
"""The server's word for the status of a run; `KILLED` for others."""

TIMEOUT_SECONDS = 15

Result = TypeVar("Result")


def check_server(url: str) -> str:
    """Return the address of an MLflow server as it is shown; errors as :func:`check_url`."""
    return check_url(url, "an MLflow server", SECRETS)


class Mlflow:
    """A run at an MLflow server.

    Points are repeated only with the same name, step, value and time, which a server with a
    database stores once: what a request has left that was never answered does no harm.

    Parameters
    ----------
    url : str
    experiment : str
        Name of the experiment; it is made if it is not there.
    note : callable
        Called with a line about what cannot be stored.
    register : str, optional
        The registered model that gets the model of a finished run as a new version.
    """

    def __init__(
        self,
        url: str,
        experiment: str,
        note: Callable[[str], None],
        register: str | None = None,
    ) -> None:
        self.where = check_server(url)
        self._url, self._register = url, register
        # Of this process alone: the follower waits and tries again by itself.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(TIMEOUT_SECONDS))
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        os.environ.setdefault("MLFLOW_ARTIFACT_UPLOAD_DOWNLOAD_TIMEOUT", "60")
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
        os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
        require("mlflow", "tracking with MLflow")
        from mlflow import MlflowClient

        for name in ("urllib3", "mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._client = MlflowClient(tracking_uri=url)
        self._experiment, self._note = experiment, note
        self._run: Any = None
        self._written = Written()
        self._tags: dict[str, str] = {}
        self._is_running = False

    @property
    def _id(self) -> str:
        return str(self._run.info.run_id)

    def open(self, facts: RunFacts) -> Written:
        """Find or make the run in the experiment; see :class:`Destination`."""
        self._written = Written()
        experiment = self._experiment_id()
        self._run = self._find(experiment, facts) or self._make(experiment, facts)
        self._tags = dict(self._run.data.tags)
        self._write_options(facts)
        for name in self._run.data.metrics:
            for metric in self._call(self._client.get_metric_history, self._id, name):
                self._written.add(name, metric.step, metric.value)
        self._is_running = self._run.info.status == "RUNNING"
        return self._written

    def _experiment_id(self) -> str:
        experiment = self._call(self._client.get_experiment_by_name, self._experiment)
        if experiment is None:
            try:
                return str(self._call(self._client.create_experiment, self._experiment))
            except MachineError:  # another follower was faster
                experiment = self._call(self._client.get_experiment_by_name, self._experiment)
                if experiment is None:
                    raise
        if experiment.lifecycle_stage != "active":
            raise OptionError(
                f"{self.where}: the experiment {printable(self._experiment, 60)} was deleted; "
                "restore it there, or name another with --project"
            )
        return str(experiment.experiment_id)

    def _find(self, experiment: str, facts: RunFacts) -> Any:
        """The run that has the identity; the one with points, if a lost answer has left two."""
        with_identity = self._call(
            self._client.search_runs, [experiment], f"tags.`{IDENTITY}` = '{facts.identity}'"
        )
        runs = sorted(with_identity, key=lambda run: (not run.data.metrics, run.info.run_id))
        for other in runs[1:]:
            if not other.data.metrics:
                self._call(self._client.delete_run, other.info.run_id)
        return runs[0] if runs else None

    def _make(self, experiment: str, facts: RunFacts) -> Any:
        tags = {name: value for name, value in facts.tags.items() if value}
        self._call(self._client.create_run, experiment, facts.started or None, tags, facts.name)
        return self._find(experiment, facts)

    def _write_options(self, facts: RunFacts) -> None:
        """Write the options; those that were changed when the run was resumed become tags."""
        from mlflow.entities import Param

        there = self._run.data.params
        new = [Param(_key(n), v) for n, v in facts.options.items() if _key(n) not in there]
        for start in range(0, len(new), PARAMETERS):
            self._call(self._client.log_batch, self._id, params=new[start : start + PARAMETERS])
        for name, value in facts.options.items():
            tag = f"hiddenstate.changed.{_key(name)}"
            if self._tags.get(tag, there.get(_key(name), value)) != value:
                self._call(self._client.set_tag, self._id, tag, value)

    def write(self, lines: Sequence[Line]) -> None:
        """Write the points of the lines, up to `BATCH` in one call."""
        from mlflow.entities import Metric

        if not self._is_running:  # it was resumed
            self._call(self._client.update_run, self._id, status="RUNNING")
            self._is_running = True
        self._log(
            [
                Metric(name, value, line.time, line.step)
                for line in lines
                for name, value in line.values.items()
            ]
        )

    def _log(self, metrics: Sequence[Any]) -> None:
        for start in range(0, len(metrics), BATCH):
            self._call(self._client.log_batch, self._id, metrics=metrics[start : start + BATCH])

    def rewind(self, step: int) -> bool:
        """The server deletes no points."""
        return False

    def is_finished(self, name: str) -> bool:
        """Whether this ending is stored, and its model registered if it is to be."""
        is_registered = self._tags.get(REGISTERED) == f"{self._register}: {name}"
        return self._tags.get(ENDING) == name and (self._register is None or is_registered)

    def finish(self, ending: Ending) -> None:
        """Write the results, the model card, the files, and at last the status.

        Raises
        ------
        MachineError
            If all but the model is stored, which was to be registered.
        """
        from mlflow.entities import Metric

        self._log(
            [
                Metric(RESULT + name, value, ending.time, ending.step)
                for name, value in ending.results.items()
                if self._written.value(RESULT + name, ending.step) is None
            ]
        )
        self._call(self._client.set_tag, self._id, "mlflow.note.content", ending.card)
        self._call(self._client.set_tag, self._id, "hiddenstate.status", ending.status)
        model, left_out = self._send(ending)
        status = STATUSES.get(ending.status, "KILLED")
        self._call(self._client.set_terminated, self._id, status, ending.time or None)
        self._call(self._client.set_tag, self._id, ENDING, ending.name)
        if self._register is not None and left_out:
            raise MachineError(f"not registered as {printable(self._register)}: {left_out}")
        if left_out:
            self._note(left_out)
        if self._register is not None:
            self._register_model(model, self._register, ending)

    def _send(self, ending: Ending) -> tuple[str | None, str | None]:
        """Store figures and files, as far as the server's store of artifacts takes them; return
        the id of the logged model, and why they are left out."""
        from PIL import Image

        place = urlsplit(self._run.info.artifact_uri).scheme
        if place in ("", "file"):
            return None, (
                f"{self.where}: keeps artifacts of this experiment in a folder that no client can "
                "write; the figures and the model are left out (start it with "
                "--artifacts-destination, and name a new --project)"
            )
        try:
            for name, data in ending.figures.items():
                with Image.open(BytesIO(data)) as image:
                    self._call(self._client.log_image, self._id, image, f"figures/{name}.png")
            self._call(self._client.log_text, self._id, ending.card, "README.md")
            for path in ending.files.values():
                self._call(self._client.log_artifact, self._id, str(path))
            return self._log_model(ending), None
        except (MachineError, ImportError) as error:
            why = f"{self.where}: the figures and the model are left out: {printable(error)}"
            return None, why

    def _log_model(self, ending: Ending) -> str | None:
        """Log the model as one of MLflow, unless that of this ending is there; return its id."""
        path = ending.files.get("model.safetensors")
        if path is None:
            return None
        import mlflow

        from hiddenstate.scale.track.mlflow_model import KEY, log_model

        find = self._client.search_logged_models
        there = self._call(find, [self._run.info.experiment_id], f"source_run_id = '{self._id}'")
        found = next((each.model_id for each in there if each.tags.get(KEY) == ending.name), None)
        if found is not None:
            return str(found)
        before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(self._url)
        try:
            return self._call(log_model, path, ending.example, self._id, ending.name)
        finally:
            mlflow.set_tracking_uri(before)

    def _register_model(self, model: str | None, name: str, ending: Ending) -> None:
        """Make a logged model the next version of the registered one, unless it is one already."""
        if model is None:  # it may be resumed
            self._note(f"{self.where}: not registered as {name}: no model ({ending.status})")
            return
        client, source, quoted = self._client, f"models:/{model}", name.replace("'", "''")
        versions = self._call(client.search_model_versions, f"name = '{quoted}'")
        if all(version.source != source for version in versions):
            if not self._call(client.search_registered_models, f"name = '{quoted}'"):
                self._call(client.create_registered_model, name)
            self._call(
                client.create_model_version,
                name,
                source,
                self._id,
                await_creation_for=0,
                model_id=model,
            )
        self._note(f"{self.where}: the model is registered as {name}")
        self._call(client.set_tag, self._id, REGISTERED, f"{name}: {ending.name}")

    def _call(self, function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """Call the client, and turn its errors into `AwayError`, `RefusedError`, `MachineError`."""
        from mlflow.exceptions import MlflowException
        from requests.exceptions import HTTPError, RequestException

        try:
            return function(*args, **kwargs)
        except MlflowException as error:
            raise _problem(self.where, str(error), _code(error)) from None
        except HTTPError as error:
            code = None if error.response is None else error.response.status_code
            raise _problem(self.where, str(error), code) from None
        except (RequestException, OSError) as error:
            raise AwayError(_reason(str(error))) from None

    def close(self) -> None:
        """Forget the run; the client holds no connection."""
        self._run, self._written = None, Written()


def _key(name: str) -> str:
    """The name of an option as a parameter."""
    return re.sub(r"[^\w./ -]", "_", name)


def _code(error: Any) -> int | None:
    """The status of the answer that an error is about; None if there was no answer."""
    text = str(error)
    if "failed with exception" in text:
        match = re.search(r"too many (\d{3}) error", text)
        return int(match[1]) if match else None
    if "valid JSON" in text:
        return 404
    with suppress(AttributeError, ValueError, TypeError):
        return int(error.get_http_status_code())
    return 500


def _problem(where: str, text: str, code: int | None) -> Exception:
    """The error for an answer with a status; its text may show the address, so it is not used."""
    if code is None:
        return AwayError(_reason(text))
    if code in (408, 425, 429) or code >= 500:
        return AwayError(f"it answers with status {code}")
    if code in (401, 403):
        return RefusedError(f"{where}: refuses (status {code}); set {SECRETS}, in the environment")
    is_foreign = code in (404, 405) and "RESOURCE_DOES_NOT_EXIST" not in text
    if is_foreign or "Response body:" in text:  # of MLflow's own answers the client shows the words
        return RefusedError(f"{where}: not an MLflow server; correct --url")
    return MachineError(f"{where}: refuses (status {code}): {printable(text, 200)}")


REASONS: Mapping[str, str] = {
    "refused": "connection refused",
    "NameResolution": "no such host",
    "timed out": "no answer in time",
    "SSL": "no encrypted connection is possible",
    "unreachable": "the network is unreachable",
    "reset": "the connection was reset",
    "RemoteDisconnected": "the connection was closed",
    "IncompleteRead": "the connection was closed",
}


def _reason(text: str) -> str:
    """Say in a few words why there was no answer."""
    return next((reason for word, reason in REASONS.items() if word in text), "no connection")
