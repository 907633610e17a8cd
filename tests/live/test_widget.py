"""The widget of a notebook: what it sends of a run, and its page in a browser."""

import base64
import json
import tempfile
from pathlib import Path

import pytest

from hiddenstate import RecurrentClassifier
from hiddenstate.live import launch, notebook
from tests.live.test_launch import QUICK, X, Y

widgets = pytest.importorskip(
    "hiddenstate.live.widget", reason="needs anywidget: pip install '.[dev]'"
)

PLACE = "http://localhost/"
"""Where the page is, which nothing serves."""

MODEL = """
const opened = (value) => (value.text === undefined
  ? new DataView(Uint8Array.from(atob(value), (sign) => sign.charCodeAt(0)).buffer) : value.text);
const state = STATE;
for (const name of Object.keys(state)) state[name] = opened(state[name]);
window.sent = [];
const send = (message) => window.sent.push(message);
const model = { get: (name) => state[name], on() {}, off() {}, send };
const script = new Blob([SCRIPT], { type: "text/javascript" });
const { default: widget } = await import(URL.createObjectURL(script));
await widget.render({ model, el: document.body });
"""


@pytest.fixture
def widget(run_of):
    run = run_of("autoencode")
    widget = widgets.RunWidget(run.path)
    widget.follow(run)
    return widget


def test_a_run_that_has_ended_is_sent_with_all_its_moments(widget):
    state = widget.get_state()
    names = {f"arrays/{int(path.stem)}" for path in widget._index.run(widget._id).snapshot_paths()}
    assert names | {"details", "arrays/static", "program/final", "view/final"} <= set(state)
    assert 'event: lines\ndata: [{"event":"log",' in state["news/0"]
    assert json.loads(state["details"])["status"] == "done"
    assert widget.get_state("news/0") == {"news/0": state["news/0"]}
    assert widget.get_state(["name"]) == {"name": "autoencode-1"}


def test_moments_that_were_not_sent_are_answered(run_of, monkeypatch):
    monkeypatch.setattr(widgets, "MAX_KEPT", 0)
    run, sent = run_of("regress"), []
    widget = widgets.RunWidget(run.path)
    widget.follow(run)
    assert not [name for name in widget.get_state() if name.startswith("arrays/")]
    monkeypatch.setattr(widgets.RunWidget, "send", lambda _, *message: sent.append(message))
    step = int(run.snapshot_paths()[0].stem)
    for path in (f"arrays/{step}", "arrays/7777777", "program/no", "../config.json"):
        widget._asked(widget, {"path": path}, [])
    assert [message["there"] for message, _ in sent] == [True, False, False, False]
    assert sent[0][1][0] == widgets.pack(run.snapshot(run.snapshot_paths()[0]))


def test_a_widget_says_why(run_of, monkeypatch):
    run, sent = run_of("classify"), []
    widget = widgets.RunWidget(run.path)
    monkeypatch.setattr(widgets.RunWidget, "send", lambda _, *message: sent.append(message))
    for asked in ('{"row":1,"steps":8}', '{"row":999,"steps":8}', '{"row":"1"}', "no"):
        widget._asked(widget, {"path": f"why/{asked}"}, [])
    assert [message["there"] for message, _ in sent] == [True, True, True, False]
    found, *wrong = [json.loads(buffers[0]) for message, buffers in sent if buffers]
    assert found["kind"] == "integrated gradients"
    assert [list(each) for each in wrong] == [["error"], ["error"]]


def test_the_page_shows_and_replays_a_run_without_a_network(widget, chromium):
    state = {
        name: base64.b64encode(value).decode() if isinstance(value, bytes) else {"text": value}
        for name, value in widget.get_state().items()
        if not name.startswith("_")
    }
    page, asked = chromium.new_page(), []
    page.set_default_timeout(20_000)
    page.on("request", lambda request: asked.append(request.url))
    script = MODEL.replace("STATE", json.dumps(state)).replace("SCRIPT", json.dumps(widget._esm))
    body = f'<body><script type="module">{script}</script></body>'
    page.route(PLACE, lambda route: route.fulfill(body=body, content_type="text/html"))
    page.goto(PLACE)
    frame = page.frame_locator("iframe")
    frame.locator(".player").wait_for()
    assert frame.locator(".status").text_content() == "done"
    end = frame.locator(".moment").text_content()
    frame.locator(".player input").fill("0")
    assert frame.locator(".moment").text_content() != end
    assert [url for url in asked if not url.startswith(("blob:", "data:", "about:"))] == [PLACE]
    assert page.evaluate("window.sent.filter(({ path }) => !/^(program|view)/.test(path))") == []
    page.close()


def test_the_folder_of_a_fit_is_there_for_as_long_as_its_widget(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(launch, "choose_view", lambda view: "notebook")
    monkeypatch.setattr(notebook, "import_module", lambda name: pytest.MonkeyPatch)
    shown, ended = [], []
    monkeypatch.setattr(pytest.MonkeyPatch, "display", shown.append, raising=False)
    monkeypatch.setattr("atexit.register", lambda *call: ended.append(call))
    RecurrentClassifier(**QUICK).fit(X, Y, view="notebook")
    ((widget,), ((remove, folder, hook),)) = shown, ended
    assert "arrays/final" in widget.get_state()
    assert Path(folder).parent == tmp_path
    assert folder.exists()
    remove(folder, hook)
    assert not folder.exists()
