"""Requests that no page of the studio sends, each with one thing wrong."""

from collections.abc import Iterator
from typing import Any

from hiddenstate.studio.gate import Rule
from tests.studio.conftest import Client

FILLED = {
    "{room}": "studio",
    "{folder}": "static",
    "{name}": "main.js",
    "{script}": "net.js",
    "{job}": "classify",
    "{run}": "classify-1",
    "{part}": "test",
    "{which}": "static",
    "{file}": "0" * 24,
    "{process}": "1",
}
"""A part that stands for each variable of a path."""

METHODS = (
    *("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"),
    *("get", "PROPFIND", "", "GET ", "POST\r\n"),
)

OTHER_HOSTS = (
    *("", "127.0.0.1", "127.0.0.1:80", "127.0.0.1:8766", "127.0.0.1:08765", "127.1:8765"),
    *("2130706433:8765", "0.0.0.0:8765", "localhost:8765", "LOCALHOST:8765", "[::1]:8765"),
    *("evil.example", "evil.example:8765", "127.0.0.1:8765.evil.example"),
    *("127.0.0.1:8765@evil.example", "evil.example#127.0.0.1:8765", " 127.0.0.1:8765"),
    *("127.0.0.1:8765 ", "127.0.0.1:8765,evil.example", "127.0.0.1:8765/", "a/?127.0.0.1:8765"),
    *("127.0.0.1:8765\x00", "127.0.0.1:8765\t", "http://127.0.0.1:8765", "127.0.0.1:8765:8765"),
)

OTHER_ORIGINS = (
    *("null", "", "http://evil.example", "https://127.0.0.1:8765", "http://127.0.0.1", "*"),
    *("http://127.0.0.1:8766", "http://localhost:8765", "http://127.0.0.1:8765/", "file://"),
    *("http://127.0.0.1:8765.evil.example", "http://127.0.0.1:8765 http://evil.example"),
    *("HTTP://127.0.0.1:8765", "chrome-extension://abc", "http://user@127.0.0.1:8765"),
    *("data:", "http://[::1]:8765", "http://127.0.0.1:8765\x00"),
)

COOKIES = (
    *("", "hiddenstate-8765=", "hiddenstate-8765=wrong", "hiddenstate-8766={cookie}"),
    *("hiddenstate={cookie}", "hiddenstate-8765={secret}", "other={cookie}"),
    *("hiddenstate-8765={cookie}x", "hiddenstate-8765=x{cookie}", "HIDDENSTATE-8765={cookie}"),
    *("hiddenstate-8765 {cookie}", "\x80\xff=1", "hiddenstate-8765={upper}", "; ; ;"),
    *("hiddenstate-8765=%00{cookie}", "=" * 3000),
)

SECRETS = ("", "wrong", "{cookie}", "{secret}x", "x{secret}", "{upper}", "null", "\xe9", "0" * 5000)

KINDS = (
    *("", "text/plain", "application/json; charset=utf-8", "application/x-www-form-urlencoded"),
    *("multipart/form-data; boundary=x", "APPLICATION/JSON", "application/json\x00"),
    *("application/jsonx", "text/html", "application/octet-stream ", "*/*"),
)

PATHS = (
    *("..", ".", "%2e%2e", "%2E%2E%2f", "..%2f..%2fetc%2fpasswd", "..%5c..%5c", "%00", "a%00"),
    *("\x00", "\\..\\", "....//", "//", "///etc/passwd", "etc%2fpasswd", "%c0%ae%c0%ae", "%"),
    *("%252e%252e", ";a", "?x", "#x", "*", "~root/../..", "\xff", "a b", "a\tb", "a\nb", "\u202e"),
    *("static/../../x", "%zz", "[]", "{}", "|", "<b>", "..;", "..\\", "$HOME", "`id`", "&&", "C:"),
    *("\\\\host\\share", "file:", "a" * 5000, "'", '"'),
)

QUERIES = (
    *("<script>", "a=%00\x00", "x=" + "a" * 3000, "a=b#c", "a=b;c=d\r\n", "\xff", "[]={}", "a='b'"),
    *('a="b"', "a=b|c", "a=b c", "a=`id`", "a=$(id)", "a=\\"),
)

TWICE = ("host", "origin", "cookie", "content-length", "content-type", "x-hiddenstate")

LENGTHS = ("", "-1", "1e3", "0x10", "9" * 20, "1,2", "+5", " ", "10 ", "NaN", "1000000000000")

Case = tuple[str, str, str, Any, bytes, bytes]


def path_of(rule: Rule) -> str:
    """A path of a route."""
    path = rule.path
    for name, part in FILLED.items():
        path = path.replace(name, part)
    return path


def nearly(value: str) -> Iterator[str]:
    """Texts that differ from one by a letter, or by their length."""
    for place in range(len(value)):
        yield value[:place] + ("a" if value[place] != "a" else "b") + value[place + 1 :]
        yield value[:place] + value[place + 1 :]
        yield value[:place]


def requests(client: Client, rule: Rule, table: list[Rule]) -> Iterator[Case]:
    """Requests to a route: what is wrong, then what `Client.send` takes."""
    session, path, method = client.studio.session, path_of(rule), rule.method
    acts = method == "POST"
    body = b"{}" if acts else b""
    good = dict(client.acting if acts else client.good)
    if acts:
        good["content-length"] = "2"
    if rule.raw:
        good["content-type"] = "application/octet-stream"
    for what, headers in _heads(good, acts, session.cookie, session.secret):
        yield what, method, path, headers, body, b""
    allowed = {other.method for other in table if other.matches(path)}
    for other in METHODS:
        if other not in allowed:
            yield f"method {other!r}", other, path, good, body, b""
    for part in PATHS:
        for place in {path.rstrip("/") + "/" + part, path[:-1] + part, "/" + part, part}:
            named = rule.raw and place == path[:-1] + "."  # a file can be named so
            if place != path and not named:
                yield f"path {place!r}", method, place, good, body, b""
    for value in (*QUERIES, *(("token=", "token=wrong") if path == "/" else ())):
        yield f"query {value!r}", method, path, good, body, value.encode("latin-1")
    if acts:
        longer = str(rule.max_body + 1)
        yield "too long", method, path, {**good, "content-length": longer}, body, b""
        if not rule.raw:  # an upload that is too long takes a while to make
            yield "longer than it says", method, path, good, b"x" * (rule.max_body + 10), b""


def _heads(good: dict[str, str], acts: bool, cookie: str, secret: str) -> Iterator[tuple[str, Any]]:
    """Headers with one thing wrong."""
    words = {"cookie": cookie, "secret": secret, "upper": cookie.swapcase()}
    wrong: dict[str, tuple[str, ...]] = {
        "host": OTHER_HOSTS,
        "origin": OTHER_ORIGINS,
        "sec-fetch-site": ("cross-site", "same-site", "", "evil", "SAME-ORIGIN"),
        "cookie": tuple(each.format(**words) for each in COOKIES),
        "transfer-encoding": ("chunked", "identity", ""),
        "content-length": LENGTHS if acts else ("1", "5", "x"),
    }
    if acts:
        wrong |= {
            "x-hiddenstate": tuple(each.format(**words) for each in SECRETS),
            "content-type": KINDS,
        }
    for name, values in wrong.items():
        for value in values:
            yield f"{name} {value!r}", {**good, name: value}
    for name in good:
        if name != "origin":
            yield f"no {name}", {n: v for n, v in good.items() if n != name}
        if name in ("host", "cookie", "origin", "x-hiddenstate"):
            for value in nearly(good[name]):
                yield f"{name} {value!r}", {**good, name: value}
        if name in TWICE:
            yield f"{name} twice", [*good.items(), (name, good[name])]
            yield f"{name} twice, other", [*good.items(), (name, "x")]
