"""`predict RUN - --stream` answers each line of stdin as a stream does, before the next line."""

import io
import json
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.data.prepare.encoding import Encoding
from hiddenstate.data.prepare.linear_path import LinearPath
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.engines import make_predictor
from hiddenstate.inference.stream import Stream
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net
from tests import warm
from tests.conftest import Answer, Cli, Refuse

STEPS = np.array([[1.0, 2.5], [0.5, -1.0], [2.0, 0.0]])


def saved(path: Path, job: str = "regress", names: Any = ("u", "v"), **reading: Any) -> FittedModel:
    """A model with random weights in the file `path`, trained on a long table."""
    config = make_config(job, {"hidden_size": 5})
    net = Net(job, config.model, 2, 2, "last" if job == "classify" else "steps")
    transform = Transform(columns=names, targets=None, reading={"layout": "long", **reading})
    classes = ["up", "down"] if job == "classify" else None
    model = FittedModel(net, net.initial(1, "float32"), classes, (9, 2), False, transform)
    model.save(path)
    return model


@pytest.fixture
def pipe(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    """Answer lines with the model `m`: `pipe("u,v\\n1,2\\n", "--proba")`."""

    def run(data: str | bytes, *words: object) -> Answer:
        raw = data.encode() if isinstance(data, str) else data
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        return cli("predict", "m", "-", "--stream", *words)

    return run


Pipe = Callable[..., Answer]


def numbers(out: str) -> np.ndarray:
    return np.array([line.split(",") for line in out.splitlines()[1:]], float)


@pytest.mark.parametrize(
    ("lines", "note"),
    [
        ("v,label,u\n2.5,a,1\n\n-1,b,0.5\n0,c,2\n", ""),
        ("1,2.5\r\n0.5,-1\r\n2,0", "columns are used in the order of the training data: u, v"),
        ('{"v": 2.5, "u": 1}\n{"u": 0.5, "v": -1, "w": "x"}\n{"u": 2, "v": 0}\n', ""),
    ],
)
def test_lines_are_answered_like_steps(pipe: Pipe, tmp_path: Path, lines: str, note: str) -> None:
    stream = Stream(saved(tmp_path / "m"))
    answer = pipe(lines)
    assert answer.code == 0, answer.err
    assert answer.out.splitlines()[0] == "step,y_1,y_2"
    expected = stream.feed(STEPS[None])[0]
    np.testing.assert_allclose(numbers(answer.out)[:, 1:], expected, rtol=1e-6)
    assert numbers(answer.out)[:, 0].tolist() == [0, 1, 2]
    assert (note in answer.err) if note else not answer.err


def test_lines_of_pixels_are_read_as_a_table_is(pipe: Pipe, tmp_path: Path) -> None:
    model = saved(tmp_path / "m")
    model = replace(model, transform=replace(model.transform, pixels=True))
    model.save(tmp_path / "m")
    pixels = np.array([[0, 255], [17, 90], [204, 3]], np.uint8)
    answer = pipe("u,v\n" + "\n".join(",".join(map(str, row)) for row in pixels))
    expected = Stream(model).feed(pixels[None])[0]
    np.testing.assert_allclose(numbers(answer.out)[:, 1:], expected, rtol=1e-5)


def test_each_series_has_a_state_of_its_own(pipe: Pipe, tmp_path: Path) -> None:
    stream = Stream(saved(tmp_path / "m", "classify", id=("id",)), 2)
    lines = "id,u,v\n" + "".join(f"{name},{u},{v}\n" for u, v in STEPS for name in "ab")
    answer = pipe(lines, "--proba", "--format", "json")
    rows = [json.loads(line) for line in answer.out.splitlines()]
    expected = stream.feed(np.stack([STEPS, STEPS]))[0]
    assert [(row["series"], row["step"]) for row in rows] == [
        (n, t) for t in range(3) for n in "ab"
    ]
    for row in rows:
        np.testing.assert_allclose([row["p_up"], row["p_down"]], expected[row["step"]], rtol=1e-6)
        assert row["label"] == ("up" if row["p_up"] > row["p_down"] else "down")


@pytest.mark.parametrize(
    ("lines", "message", "answered"),
    [
        ("u,v\n1,2\n3\n4,5\n", "stdin:3: expected 2 columns as in the first line, found 1", 1),
        ("u,v\n1,2\n3,x\n", "stdin:3:v: 'x' is not a number", 1),
        ("u,v\n1,\n", "stdin:2:v: missing or not finite; the model was trained without", 0),
        ("u,v\n1,1e300\n", "stdin:2: ", 0),
        ("u,w\n1,2\n", "stdin:1: no input column v", 0),
        ("1,2,3\n", "stdin:1: expected 2 columns, the inputs of the model (u, v), found 3", 0),
        ('{"u": 1, "v": 2}\n{"u": true, "v": 1}\n', "stdin:2:u: True is not a number", 1),
        ('{"u": 1, "v": 2}\n{"u": 1\n', "stdin:2: Expecting", 1),
        ("u,u\n", "stdin:1: columns 1 and 2 are both named u", 0),
        ('u,v\n"1,2\n', "stdin:2: a quote is opened but not closed", 0),
        (b"u,v\n1,\xff\n", "stdin:2: byte 2 (0xff) is not utf-8; name the encoding", 0),
        ("u,v\n", "stdin: no rows", 0),
        ("", "stdin: no rows", 0),
    ],
)
def test_a_bad_line_ends_the_answers(
    pipe: Pipe, tmp_path: Path, lines: str | bytes, message: str, answered: int
) -> None:
    saved(tmp_path / "m")
    answer = pipe(lines)
    assert answer.code == 2
    assert answer.err.startswith(f"error: {message}"), answer.err
    assert answer.err.count("\n") == 1
    assert len(answer.out.splitlines()) == answered + (answered > 0)


def test_gaps_are_filled_in_as_in_training(pipe: Pipe, tmp_path: Path) -> None:
    model = saved(tmp_path / "m", decimal=",")
    forward = Transform("forward", np.zeros(2), columns=("u", "v"), reading=model.transform.reading)
    model = FittedModel(model.net, model.params, None, (9, 2), False, forward)
    model.save(tmp_path / "m")
    answer = pipe("u;v\n1,5;2\n;NA\n")
    expected = Stream(model).feed([[[1.5, 2.0], [1.5, 2.0]]])[0]
    np.testing.assert_allclose(numbers(answer.out)[:, 1:], expected, rtol=1e-6)


def test_lines_are_read_as_the_rows_of_a_file(pipe: Pipe, tmp_path: Path) -> None:
    saved(tmp_path / "m", decimal=",", thousands=".")
    plain = pipe("u,v\n1.5,1\n2,0\n", "--decimal", ".", "--delimiter", ",").out
    assert len(plain.splitlines()) == 3
    for lines in (
        'u;n;v\n1,5;"a"b;TRUE\n2;;false\n',
        '{"u": "1.5", "v": true}\n{"u": 2, "v": false}\n',
    ):
        assert pipe(lines).out == plain
    assert "stdin:3:v: True is not a number" in pipe("u;v\n1;2\n3;true\n").err


def test_a_line_without_one_of_several_ids_is_refused(pipe: Pipe, tmp_path: Path) -> None:
    saved(tmp_path / "m", id=("site", "sensor"))
    said = pipe("site,u,v\na,1,2\n").err
    assert "stdin:1: no column sensor (--id); columns: site, u, v" in said


def test_names_are_refused_by_a_model_without_names_unless_chosen(
    pipe: Pipe, tmp_path: Path
) -> None:
    saved(tmp_path / "m", names=None)
    assert "choose the columns with --input COL" in pipe("a,b\n1,2\n").err
    chosen = pipe("a,b,c\n9,2.5,1\n", "--input", "c,b")
    assert chosen.code == 0, chosen.err
    assert chosen.out == pipe("1,2.5\n").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-", "--stream", "--output", "x.csv"), "--stream prints each answer at once"),
        (("x.csv", "--stream"), "--stream: reads lines from stdin; pass - as DATA"),
        (("--stream",), "--stream: reads lines from stdin; pass - as DATA"),
        (("-", "--stream", "--encoding", "utf-16"), "--stream cannot read utf-16"),
        (("-", "--stream", "--delimiter", "ab"), "--delimiter: expected one character"),
    ],
)
def test_what_does_not_go_with_a_stream_is_refused(
    refuse: Refuse, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    saved(tmp_path / "m")
    assert message in refuse(2, "predict", "m", *words)


@pytest.mark.parametrize("end", ["closed pipe", "Ctrl-C"])
def test_an_answer_comes_before_the_next_line_and_the_end_is_clean(
    tmp_path: Path, end: str
) -> None:
    saved(tmp_path / "m")
    process = warm.Piped(["-m", "hiddenstate", "predict", "m", "-", "--stream"], tmp_path)
    with process.stdin as to, process.stdout as answers, process.stderr as errors:
        to.write("u,v\n1,2\n")
        assert answers.readline() == "step,y_1,y_2\n"
        assert answers.readline().startswith("0,")
        to.write("3,4\n")
        assert answers.readline().startswith("1,")
        if end == "closed pipe":
            answers.close()
            to.write("5,6\n")
        else:
            process.send_signal(signal.SIGINT)
        assert process.wait(60) == (141 if end == "closed pipe" else 130)
        assert errors.read() == ("" if end == "closed pipe" else "error: interrupted\n")


def of_dates(path: Path) -> FittedModel:
    """A model of a number, a price known 2 steps ahead, and the weekday, now and 2 steps later."""
    date = Encoding("date", calendar=("weekdays",))
    columns = ("u", "price", *date.features)
    reading = {"layout": "long", "future": ("price", "date"), "horizon": 2}
    linear = LinearPath(
        np.array([[0.5, 0.25]]),
        np.ones(1),
        (False,),
        effects=np.linspace(0.0, 7.0, 8)[None],
        inputs=(1,),
        input_weights=np.array([[[0.5], [0.0], [2.0]]]),
    )
    transform = Transform(
        columns=columns, targets=("u",), reading=reading, encodings=(date,), linear=linear
    )
    net = Net("regress", make_config("regress", {"hidden_size": 5}).model, 17, 1, "steps")
    model = FittedModel(net, net.initial(1, "float32"), None, (9, 17), False, transform)
    model.save(path)
    return model


def test_lines_with_dates_have_what_is_known_ahead_twice(pipe: Pipe, tmp_path: Path) -> None:
    model = of_dates(tmp_path / "m")
    answer = pipe(
        "date,u,price,date +2,price +2\n"
        "2024-01-05,1,3,2024-01-07,4\n2024-01-06,2,5,2024-01-08,1\n2024-01-07,3,4,2024-01-09,2\n"
    )
    assert answer.code == 0, answer.err
    days, later = np.eye(7)[[4, 5, 6]], np.eye(7)[[6, 0, 1]]
    X = np.column_stack([[1, 2, 3], [3, 5, 4], days, [4, 1, 2], later])
    x = model.transform.apply(X[None], None, np.float32, "X")
    outputs = make_predictor(model, "cpu", 1).predict(x)
    expected = model.transform.undo_targets(outputs, x)[0]
    np.testing.assert_allclose(numbers(answer.out)[:, 1:], expected, rtol=1e-5)
    assert np.ptp(expected) > 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("x,1,3,2024-01-07,4", "stdin:2:date: 'x' is no date; expected one such as 2020-12-31"),
        ("03/04/2024,1,3,2024-01-07,4", "stdin:2:date: '03/04/2024' may be two dates; add --dates"),
        ("2024-01-05,1,3,,4", "stdin:2:date +2: missing or not finite; the model was trained"),
    ],
)
def test_a_line_without_a_date_is_refused(
    pipe: Pipe, tmp_path: Path, line: str, message: str
) -> None:
    of_dates(tmp_path / "m")
    answer = pipe(f"date,u,price,date +2,price +2\n{line}\n")
    assert (answer.code, answer.out) == (2, "")
    assert message in answer.err
    assert "no input column date +2" in pipe("date,u,price,price +2\n1,1,1,1\n").err
