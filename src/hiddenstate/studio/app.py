"""The table of routes of the studio, and what answers each.

A handler checks what it was sent, asks the room that knows, and answers in JSON. Errors are one
line, in `error`.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from hiddenstate.config import job_options
from hiddenstate.errors import DataError, HiddenstateError, OptionError, printable
from hiddenstate.program.jobs import KINDS
from hiddenstate.report.commands import quoted
from hiddenstate.runs.requests import send_request
from hiddenstate.studio import commands
from hiddenstate.studio.answers import answer, body_of, kept_answer, problem
from hiddenstate.studio.assets import index_page, load_assets
from hiddenstate.studio.compare import compared
from hiddenstate.studio.details import arrays_of, details, pack, program, view, warm
from hiddenstate.studio.files import keep, pieces, written
from hiddenstate.studio.gate import MAX_JSON, App, Gate, Rule
from hiddenstate.studio.index import RunIndex, UnknownRunError
from hiddenstate.studio.places import Places
from hiddenstate.studio.points import get_points
from hiddenstate.studio.processes import Process, Processes
from hiddenstate.studio.session import Session
from hiddenstate.studio.stream import MAX_STREAMS, Stream, described, trained_by
from hiddenstate.studio.watch import Watchers
from hiddenstate.studio.why import post_why
from hiddenstate.system.atomic_file import make_folder, open_regular
from hiddenstate.system.strict_json import replace_nan
from hiddenstate.version import __version__
from hiddenstate.views.themes import BY_NAME

MAX_UPLOAD = 256 * 2**20
"""Bytes of a file that is dropped on the page; larger ones are named by their path."""

INSPECT_SECONDS = 120.0
"""Longest time that a page waits for `inspect`."""

MAX_FINDINGS = 16 * 2**20
"""Bytes of what `inspect` says that a page gets."""

FIND_SECONDS, FIND_PAUSE = 60.0, 0.05
"""How long, and how often, the run of a new command is looked for beside the usual looks."""

MAX_DOWNLOAD = 512 * 2**20
"""Bytes of a file that is sent to the browser."""

MAX_COMPARED = 100
"""Runs that are compared at once."""

UPLOADS = "uploads"
"""Folder, beside the runs, of files that were dropped on the page."""

Handler = Callable[[Request], Awaitable[Response]]


class Studio:
    """What the studio knows, and the answers to each request.

    Parameters
    ----------
    session : Session
    runs_dir : Path
        The folder of runs.
    start : dict, optional
        What the command named: `{"data": path}` or `{"run": number}`.
    run : Path, optional
        The folder of a run that lies elsewhere.
    roots : sequence of Path
        Folders whose files may be named; commands run in the first.
    waiting : str, optional
        The module that waits for a command, so that it starts at once.
    """

    def __init__(
        self,
        session: Session,
        runs_dir: Path,
        start: Mapping[str, str] | None = None,
        run: Path | None = None,
        roots: tuple[Path, ...] = (),
        waiting: str | None = None,
    ) -> None:
        self.session, self.runs_dir, self.start = session, runs_dir, dict(start or {})
        self.index = RunIndex(runs_dir, run)
        self.watchers = Watchers(runs_dir, self.index.running)
        self.places = Places(*(roots or (Path.cwd(),)), runs_dir)
        self.processes = Processes(self.places.roots[0], waiting)
        self.assets = load_assets()
        self.page = index_page(session)
        self._uploading = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    # The page and its files.

    async def get_page(self, request: Request) -> Response:
        """The page."""
        return Response(self.page, media_type="text/html", headers={"cache-control": "no-store"})

    async def get_asset(self, request: Request) -> Response:
        """A script or the style."""
        asset = self.assets.get(request.url.path.removeprefix("/assets/"))
        if asset is None:
            return problem("no such file", 404)
        headers = {"etag": asset.mark, "cache-control": "no-cache"}
        if request.headers.get("if-none-match") == asset.mark:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            packed = {**headers, "content-encoding": "gzip", "vary": "accept-encoding"}
            return Response(asset.packed, media_type=asset.kind, headers=packed)
        return Response(asset.body, media_type=asset.kind, headers=headers)

    # Reading.

    async def get_studio(self, request: Request) -> Response:
        """What the page starts with."""
        return answer(
            {
                "version": __version__,
                "runs_dir": printable(self.runs_dir),
                "folder": printable(self.places.roots[0]),
                "start": self.start,
                "jobs": {job: kind.answers for job, kind in KINDS.items()},
                "max_upload": MAX_UPLOAD,
                "colors": {name: theme.classes for name, theme in BY_NAME.items()},
            }
        )

    async def get_options(self, request: Request) -> Response:
        """The options of a job."""
        job = request.path_params["job"]
        if job not in KINDS:
            return problem("no such job", 404)
        return answer(
            [
                {
                    "name": option.name,
                    "flag": option.flag,
                    "section": section,
                    "kind": "list" if option.kind is tuple else option.kind.__name__,
                    "default": option.default_for(job),
                    "choices": option.choices,
                    "expected": option.expected(),
                    "help": option.help,
                    "unit": option.unit,
                    "recipe": option.recipe,
                    "reading": option.reading,
                }
                for section, option in job_options(job)
                if option.name != "data"
            ]
        )

    async def get_runs(self, request: Request) -> Response:
        """A part of the list of runs."""
        query = request.query_params
        numbers = {"offset": 0, "limit": 50}
        for name in numbers:
            if (text := query.get(name)) is not None:
                if not text.isdecimal() or int(text) > 10**6:
                    return problem(f"{name}: expected a whole number", 400)
                numbers[name] = min(int(text), 2000 if name == "limit" else 10**6)
        rows, total = await run_in_threadpool(
            self.index.rows,
            query.get("search", "")[:200],
            query.get("job", ""),
            query.get("status", ""),
            query.get("sort", "started"),
            query.get("descending", "1") != "0",
            **numbers,
        )
        return answer({"rows": [asdict(row) for row in rows], "total": total})

    async def get_run(self, request: Request) -> Response:
        """The facts of a run."""
        run = self.index.run(request.path_params["run"])
        return answer(await run_in_threadpool(details, run, request.path_params["run"]))

    async def get_arrays(self, request: Request) -> Response:
        """The arrays of a snapshot, or those that do not change."""
        run = self.index.run(request.path_params["run"])
        body = await run_in_threadpool(lambda: pack(arrays_of(run, request.path_params["which"])))
        return kept_answer(request, body, "application/octet-stream")

    async def get_program(self, request: Request) -> Response:
        """The net of a moment."""
        return await self._of_moment(request, program)

    async def get_view(self, request: Request) -> Response:
        """Names, ranges and rows that go with the nets of a run."""
        return await self._of_moment(
            request, lambda run, step: view(run, step, reads=not self.places.why_closed(run))
        )

    async def get_forecast(self, request: Request) -> Response:
        """The forecast of the series of a run."""
        from hiddenstate.studio.forecasts import forecast

        run = self.index.run(request.path_params["run"])
        why = await run_in_threadpool(self.places.why_closed, run)
        if why:
            return answer({"forecast": None, "why": why})
        return kept_answer(request, await run_in_threadpool(forecast, run), "application/json")

    async def _of_moment(
        self, request: Request, make: "Callable[[Any, int | None], bytes]"
    ) -> Response:
        run, which = self.index.run(request.path_params["run"]), request.path_params["which"]
        if which != "final" and not which.isdecimal():
            return problem("no such moment", 404)
        step = None if which == "final" else int(which)
        return kept_answer(request, await run_in_threadpool(make, run, step), "application/json")

    async def get_compared(self, request: Request) -> Response:
        """Runs beside one another: what differs, scores, and curves."""
        ids = [run for run in request.query_params.get("runs", "").split(",") if run]
        if not 1 <= len(ids) <= MAX_COMPARED:
            return problem(f"from 1 to {MAX_COMPARED} runs can be compared", 400)
        return answer(await run_in_threadpool(compared, self.index, list(dict.fromkeys(ids))))

    async def get_stream(self, request: Request) -> Response:
        """The stream of events."""
        if Stream.open >= MAX_STREAMS:
            return problem(f"{MAX_STREAMS} pages are open already", 503)
        run = request.query_params.get("run", "")
        if run:
            self.index.path(run)
        place = request.headers.get("last-event-id", request.query_params.get("from", ""))
        stream = Stream(self.index, self.watchers, self.processes, run, place)
        return stream  # type: ignore[return-value]  # it answers as a Response does

    async def get_files(self, request: Request) -> Response:
        """What a folder holds."""
        number = request.path_params["folder"]
        folder = self.places.roots[0] if number == "start" else self.places.issued(number)
        if folder is None:
            return problem("no such folder", 404)
        self.places.checked(str(folder))
        entries = await run_in_threadpool(self.places.listing, folder)
        above = folder.parent if folder != self.places.roots[0] else None
        if above is not None and not any(above.is_relative_to(root) for root in self.places.roots):
            above = None
        return answer(
            {
                "path": self.places.shown(folder),
                "above": None if above is None else self.places.issue(above),
                "entries": [asdict(entry) for entry in entries],
            }
        )

    async def get_download(self, request: Request) -> Response:
        """A file that a command wrote, or that a listing named."""
        path = self.places.issued(request.path_params["file"])
        if path is None:
            return problem("no such file", 404)
        self.places.checked(str(path))
        stream = await run_in_threadpool(open_regular, path)
        size = os.fstat(stream.fileno()).st_size
        if size > MAX_DOWNLOAD:
            stream.close()
            return problem(f"larger than {MAX_DOWNLOAD:,} bytes; copy {printable(path)}", 413)
        headers = {
            "content-disposition": f'attachment; filename="{commands.uploaded_name(path.name)}"',
            "content-length": str(size),
        }
        kind = "application/octet-stream"
        return StreamingResponse(pieces(stream, size), media_type=kind, headers=headers)

    async def get_process(self, request: Request) -> Response:
        """A command that was started: how it stands, and what it printed."""
        process = self._process(request)
        return answer(self._about(process))

    # Acting.

    async def post_ready(self, request: Request) -> Response:
        """Make ready for the next command, and for the first net of a run."""
        await body_of(request, {})
        self.processes.make_ready()
        await run_in_threadpool(warm)
        return answer({})

    async def post_inspect(self, request: Request) -> Response:
        """Look at a file: what `inspect` says of it."""
        asked = await body_of(request, {"data": str}, {"job": str, "options": dict})
        path = await run_in_threadpool(self.places.data, asked["data"])
        words = commands.inspection(path, asked.get("job"), self._checked_options(asked))
        process = self.processes.start(words)
        self.processes.make_ready()  # what is looked at is trained on next
        code = await self.processes.finished(process, INSPECT_SECONDS)
        if code is None:
            process.stop()
            return problem(f"no answer in {INSPECT_SECONDS:g} s; run `{process.command}`", 504)
        if code:
            found = {"error": process.error(), "fixes": process.fixes()}
            return answer({"command": process.command, **found}, 422)
        try:
            findings = json.loads(process.output(MAX_FINDINGS))
        except ValueError:
            why = f"more than {MAX_FINDINGS:,} bytes are found; run `{process.command}`"
            return answer({"command": process.command, "error": why}, 422)
        return answer({"command": process.command, "findings": replace_nan(findings)})

    async def post_train(self, request: Request) -> Response:
        """Train: start the command."""
        asked = await body_of(request, {"job": str}, {"data": str, "options": dict})
        options = self._checked_options(asked)
        data = asked.get("data")
        path = None if data is None else await run_in_threadpool(self.places.data, data)
        words = commands.training(asked["job"], path, options)
        process = self.processes.start([*words, *self._runs_dir()])
        task = asyncio.get_running_loop().create_task(self._find_run(process))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return answer(self._about(process))

    def _checked_options(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The options that a page sent, with each path in them checked."""
        options = dict(asked.get("options", {}))
        for name in commands.FILES:
            if name in options and (name, options[name]) not in commands.NAMED:
                path = str(options[name])
                run = os.path.join(self.runs_dir.resolve(), path)
                is_run = name == "teach" and os.path.basename(path) == path and os.path.isdir(run)
                options[name] = self.places.data(run if is_run else path)
        return options

    async def _find_run(self, process: Process) -> None:
        """Tell the pages of the run of a command as soon as there is one."""
        for _ in range(int(FIND_SECONDS / FIND_PAUSE)):
            if process.code is not None or trained_by(process, self.index):
                break
            await asyncio.sleep(FIND_PAUSE)
        self.processes.signal.send()

    def _runs_dir(self) -> list[str]:
        """The option that names the folder of runs, unless it is the default."""
        shown = self.places.shown(self.runs_dir.resolve())
        return [] if shown == "runs" else ["--runs-dir", shown]

    async def post_request(self, request: Request) -> Response:
        """Send a request to a run, as `ctl` does."""
        asked = await body_of(request, {"do": str}, {"value": (int, float, str)})
        path = self.index.path(request.path_params["run"])
        value = asked.get("value")
        await run_in_threadpool(send_request, path, asked["do"], value)
        words = ["hiddenstate", "ctl", self.places.shown(path.resolve()), asked["do"]]
        words += [] if value is None else [str(value)]
        return answer({"command": " ".join(quoted(word) for word in words)})

    async def post_command(self, request: Request) -> Response:
        """Start a command about a run."""
        asked = await body_of(request, {"command": str}, {"options": dict})
        path = Path(self.places.shown(self.index.path(request.path_params["run"]).resolve()))
        options = dict(asked.get("options", {}))
        if asked["command"] in ("predict", "forecast"):
            options = await run_in_threadpool(self._of_new_rows, path.name, options)
        words = commands.about_run(asked["command"], path, options)
        process = self.processes.start(words)
        if asked["command"] == "resume":
            process.run = request.path_params["run"]
        return answer(self._about(process))

    def _of_new_rows(self, run: str, options: dict[str, Any]) -> dict[str, Any]:
        """The options of a command that answers new rows: checked paths, and where it writes."""
        given: set[str] = {"data", "future"} & set(options)
        paths = {name: self.places.data(str(options[name])) for name in sorted(given)}
        about = next((Path(path).stem for path in paths.values()), "end")
        folder = self.runs_dir / UPLOADS
        make_folder(folder)
        name = commands.uploaded_name(f"{run}-answers-{about}.csv")
        return {**options, **paths, "output": self.places.shown(folder.resolve() / name)}

    async def post_stop(self, request: Request) -> Response:
        """Stop a command that the studio started; a run can be resumed."""
        await body_of(request, {})
        process = self._process(request)
        process.stop()
        return answer(self._about(process))

    async def post_upload(self, request: Request) -> Response:
        """Keep a file that was dropped on the page."""
        name = request.path_params["name"]
        kept = commands.uploaded_name(name)
        if not kept.endswith(name):
            return problem("the name of a file has letters, digits, and . _ - within", 400)
        body = await request.body()
        async with self._uploading:  # two of one name get two
            path = await run_in_threadpool(keep, self.runs_dir / UPLOADS / kept, body)
        return answer({"path": self.places.shown(path.resolve()), "bytes": len(body)})

    def _process(self, request: Request) -> Process:
        number = request.path_params["process"]
        process = self.processes.get(int(number)) if number.isdecimal() else None
        if process is None:
            raise UnknownRunError("no such command")
        return process

    def _about(self, process: Process) -> dict[str, Any]:
        """Everything about a command, and numbers of the files that it wrote."""
        output, files = process.output(), []
        if process.code == 0:
            for text in written(process.words, output):
                path = self.places.roots[0] / text
                if path.is_file() and not path.is_symlink():
                    number = self.places.issue(path)
                    size = path.stat().st_size
                    files.append({"id": number, "name": printable(text), "size": size})
        return {
            **described(process, self.index),
            "output": output,
            "errors": process.errors(),
            "files": files,
        }


def _careful(handler: Handler) -> Handler:
    """Return a handler whose errors are one line of JSON."""

    async def careful(request: Request) -> Response:
        try:
            return await handler(request)
        except UnknownRunError as error:
            return problem(str(error), 404)
        except (DataError, OptionError) as error:
            return problem(str(error), 422)
        except HiddenstateError as error:
            return problem(str(error), 409)
        except (OSError, ClientDisconnect, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError):
                raise
            return problem(printable(error) or "the connection ended", 400)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # Nothing that a page sends leads here, but what a stranger wrote in a run folder may.
            sys.stderr.write(f"studio: {request.url.path}: {printable(repr(error), 400)}\n")
            return problem(f"cannot be read: {printable(error, 200)}", 422)

    return careful


def routes(studio: Studio) -> list[tuple[Rule, Handler]]:
    """Return every route, and what answers it. The gate refuses all others."""
    post, of = MAX_JSON, (studio.index, studio.places)
    return [
        (Rule("GET", "/"), studio.get_page),
        (Rule("GET", "/assets/{room}/{folder}/{name}"), studio.get_asset),
        (Rule("GET", "/assets/web/{script}"), studio.get_asset),
        (Rule("GET", "/api/studio"), studio.get_studio),
        (Rule("GET", "/api/options/{job}"), studio.get_options),
        (Rule("GET", "/api/runs"), studio.get_runs),
        (Rule("GET", "/api/runs/{run}"), studio.get_run),
        (Rule("GET", "/api/runs/{run}/arrays/{which}"), studio.get_arrays),
        (Rule("GET", "/api/runs/{run}/program/{which}"), studio.get_program),
        (Rule("GET", "/api/runs/{run}/view/{which}"), studio.get_view),
        (Rule("GET", "/api/runs/{run}/forecast"), studio.get_forecast),
        (Rule("GET", "/api/runs/{run}/points/{part}/{which}"), partial(get_points, *of)),
        (Rule("GET", "/api/compare"), studio.get_compared),
        (Rule("GET", "/api/stream"), studio.get_stream),
        (Rule("GET", "/api/files/{folder}"), studio.get_files),
        (Rule("GET", "/api/download/{file}"), studio.get_download),
        (Rule("GET", "/api/processes/{process}"), studio.get_process),
        (Rule("POST", "/api/ready", post), studio.post_ready),
        (Rule("POST", "/api/inspect", post), studio.post_inspect),
        (Rule("POST", "/api/train", post), studio.post_train),
        (Rule("POST", "/api/runs/{run}/request", post), studio.post_request),
        (Rule("POST", "/api/runs/{run}/command", post), studio.post_command),
        (Rule("POST", "/api/runs/{run}/why", post), partial(post_why, *of)),
        (Rule("POST", "/api/processes/{process}/stop", post), studio.post_stop),
        (Rule("POST", "/api/upload/{name}", MAX_UPLOAD, raw=True), studio.post_upload),
    ]


def make_app(studio: Studio, on_old_token: Callable[[], None] = lambda: None) -> App:
    """Return the whole application: the gate, and the routes behind it."""
    table = routes(studio)
    inner = Starlette(
        routes=[Route(rule.path, _careful(each), methods=[rule.method]) for rule, each in table]
    )
    return Gate(inner, tuple(rule for rule, _ in table), studio.session, on_old_token)
