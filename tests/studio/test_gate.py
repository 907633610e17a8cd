"""The gate refuses every request that a page of the studio would not send, at every route."""

import json
import os
import socket
import sys
from pathlib import Path

import pytest

from hiddenstate.studio.app import Studio, routes
from hiddenstate.studio.gate import BURST, Gate
from hiddenstate.studio.peers import is_of_another_user
from hiddenstate.studio.session import CODE_SECONDS, Session
from tests.studio.conftest import Client
from tests.studio.hostile import FILLED, requests

TABLE = [rule for rule, _ in routes(Studio(Session("127.0.0.1", 8765), Path("runs")))]


def files_of(folder: Path) -> dict[str, tuple[int, int]]:
    paths = [path for path in folder.rglob("*") if path.name != "lock"]
    return {str(path): (path.lstat().st_mtime_ns, path.lstat().st_size) for path in paths}


class Endless:
    """Lets any number of requests in."""

    def take(self, now: float) -> bool:
        return True


@pytest.fixture
def patient(client: Client) -> Client:
    """A studio that answers any number of requests a second."""
    assert isinstance(client.app, Gate)
    client.app._pages = client.app._strangers = Endless()  # type: ignore[assignment]
    return client


@pytest.mark.parametrize("rule", TABLE, ids=lambda rule: f"{rule.method} {rule.path}")
def test_what_is_not_a_request_of_a_page_is_refused(patient, rule, tmp_path):
    before, address = files_of(tmp_path), patient.studio.session.address
    n = 0
    for what, method, path, headers, body, query in requests(patient, rule, TABLE):
        reply = patient.send(method, path.encode("utf-8"), headers, body, query)
        assert reply.status >= 400, what
        assert "set-cookie" not in reply.headers
        assert not any(name.startswith("access-control") for name in reply.headers)
        n += 1
    assert n >= 400
    assert files_of(tmp_path) == before
    assert not patient.studio.processes.all()
    assert patient.studio.session.address == address
    assert patient.get("/api/studio").status == 200


def test_every_route_answers_a_page(client):
    """So that the refusals above are not of routes that refuse everything."""
    file = client.studio.places.issue(client.studio.places.roots[0] / "rows.csv")
    for rule in TABLE:
        if rule.method != "GET" or rule.path.startswith(("/api/processes", "/api/stream")):
            continue
        path = rule.path.replace("/api/files/{folder}", "/api/files/start")
        for name, part in {**FILLED, "{file}": file}.items():
            path = path.replace(name, part)
        for part in ("program", "view", "test"):
            path = path.replace(f"{part}/static", f"{part}/final")
        query = "runs=classify-1" if rule.path == "/api/compare" else ""
        assert client.get(path, query).status == 200, path


def test_the_token_is_exchanged_once_for_a_cookie(client):
    session = client.studio.session
    token = session.address.partition("token=")[2].encode()
    host = {"host": session.authority}
    assert client.send("GET", "/", host, query=b"token=" + token[:-1]).status == 401
    assert client.renewed == []
    reply = client.send("GET", "/", host, query=b"token=" + token)
    assert reply.status == 200
    cookie = reply.headers["set-cookie"]
    assert cookie == f"hiddenstate-8765={session.cookie}; Path=/; HttpOnly; SameSite=Strict"
    assert client.send("GET", "/", host, query=b"token=" + token).status == 401
    assert client.renewed == ["new"]
    assert len(token) >= 43  # 256 bits
    session.renew()
    assert token.decode() not in session.address


def test_a_token_for_another_host_is_not_exchanged(client):
    token = client.studio.session.address.partition("token=")[2]
    for host in ("evil.example", "localhost:8765"):
        reply = client.send("GET", "/", {"host": host}, query=f"token={token}".encode())
        assert reply.status == 421
    assert client.studio.session.exchange(token)


def test_each_start_has_secrets_of_its_own():
    sessions = [Session("127.0.0.1", 1) for _ in range(2)]
    secrets = {each for s in sessions for each in (s.cookie, s.secret, s.address)}
    assert len(secrets) == 6


def code_of(session) -> bytes:
    return session.opening().partition("?")[2].encode()


def test_the_code_of_the_browser_that_is_opened_works_once(client):
    session = client.studio.session
    host, token = {"host": session.authority}, session.address.partition("?")[2].encode()
    old, code = code_of(session), code_of(session)
    assert code.startswith(b"code=")
    for wrong in (old, code[:-1], b"code=", b"code=" + token.partition(b"=")[2]):
        assert client.send("GET", "/", host, query=wrong).status == 401
    reply = client.send("GET", "/", host, query=code)
    assert session.cookie in reply.headers["set-cookie"]
    again = client.send("GET", "/", host, query=code)
    assert again.status == 401
    assert session.cookie.encode() not in again.body + str(again.headers).encode()
    # The address that was printed is still good, once, and no new one is printed before.
    assert client.renewed == []
    assert client.send("GET", "/", host, query=token).status == 200
    assert client.send("GET", "/", host, query=token).status == 401
    assert client.renewed == ["new"]


def test_the_code_is_valid_for_a_short_time(client):
    session, now = client.studio.session, [0.0]
    session.clock = lambda: now[0]
    code, host = code_of(session), {"host": session.authority}
    now[0] = CODE_SECONDS + 1
    assert client.send("GET", "/", host, query=code).status == 401


def test_the_code_is_not_for_other_users(client, monkeypatch):
    session = client.studio.session
    code, host = code_of(session), {"host": session.authority}
    with monkeypatch.context() as patch:
        patch.setattr("hiddenstate.studio.gate.is_of_another_user", lambda *_: True)
        assert client.send("GET", "/", host, query=code).status == 403
    assert client.send("GET", "/", host, query=code).status == 200


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not say whose they are")
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_connections_of_another_user_are_known(host, monkeypatch):
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else 2) as server:
        port = server.getsockname()[1]
        with socket.create_connection((host, port)) as visitor:
            own = visitor.getsockname()[1]
            assert not is_of_another_user(own, port)
            monkeypatch.setattr("os.getuid", lambda: 12345)
            assert is_of_another_user(own, port)
        assert not is_of_another_user(1, port)


def test_answers_have_the_policy(client):
    policy = client.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for path in ("/", "/api/studio", "/assets/studio/static/main.js", "/nothing"):
        headers = client.get(path).headers
        assert headers["content-security-policy"] == policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers


def test_the_page_has_no_script_in_it(client):
    page = client.get("/").body.decode()
    assert page.count("<script") == 1
    assert '<script type="module" src="/assets/' in page
    assert client.studio.session.secret in page
    assert client.studio.session.cookie not in page


def test_a_websocket_is_closed(client):
    assert client.send("GET", "/api/stream", kind="websocket").status == 0


def test_too_many_requests_are_refused_for_a_moment(client):
    now = [0.0]
    assert isinstance(client.app, Gate)
    client.app._clock = lambda: now[0]
    client.app._pages.filled = 0.0
    statuses = [client.get("/api/studio").status for _ in range(int(BURST) + 5)]
    assert statuses == [200] * int(BURST) + [429] * 5
    now[0] = 1.0
    assert client.get("/api/studio").status == 200


BODIES = (
    *(b"", b"[]", b"null", b"{", b'{"do": 1}', b'{"do": "pause", "x": 1}', b"[" * 30000),
    *(b'{"do": "pause", "value": []}', b"\xff\xfe", b'{"do": true}', b'{"do": "pause"}{}'),
)


@pytest.mark.parametrize("body", BODIES)
def test_a_body_that_a_page_does_not_send_is_answered_in_one_line(client, body):
    headers = {**client.acting, "content-length": str(len(body))}
    reply = client.send("POST", "/api/runs/classify-1/request", headers, body)
    assert reply.status == 422
    assert "\n" not in json.loads(reply.body)["error"]


def test_links_are_not_followed(client, tmp_path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "rows.csv").write_text("a\n1\n")
    os.symlink(tmp_path / "secret", tmp_path / "link")
    os.symlink(tmp_path / "runs" / "classify-1", tmp_path / "runs" / "linked-1")
    os.symlink("/etc/passwd", tmp_path / "words.csv")
    for path in ("link/rows.csv", "link", "words.csv", "../x.csv", "/etc/passwd", "", "a\0b", "/"):
        for route, job in (("inspect", {}), ("train", {"job": "classify"})):
            assert client.post(f"/api/{route}", {**job, "data": path}).status == 422, path
    assert client.get("/api/runs/linked-1").status == 404
    names = [entry["name"] for entry in client.get("/api/files/start").json["entries"]]
    assert {"link", "words.csv"}.isdisjoint(names)
    assert not client.studio.processes.all()


@pytest.mark.parametrize("link", ["images/a/l.png", "images/c", "images/train/a/l.png"])
def test_a_folder_of_data_that_holds_a_link_is_refused(client, tmp_path, link):
    (tmp_path / "outside").mkdir()
    (tmp_path / link).parent.mkdir(parents=True)
    os.symlink(tmp_path / "outside", tmp_path / link)
    asked = {"data": "images"}
    others = [
        ("train", {**asked, "job": "classify"}),
        ("train", {**asked, "data": "rows.csv", "job": "classify", "options": {"test": "images"}}),
    ]
    (tmp_path / "rows.csv").write_text("a\n1\n")
    for route, body in [("inspect", asked), *others]:
        reply = client.post(f"/api/{route}", body)
        assert reply.status == 422
        assert reply.json["error"].startswith(f"{link}: is a link, which the studio does not")
    assert not client.studio.processes.all()
