"""What answers a forecast, in lines and as values for JSON."""

import json
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from hiddenstate.data.prepare.linear_path import Group, LinearPath
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.jobs.answering import answer_facts, answer_lines
from hiddenstate.jobs.base import Job
from hiddenstate.program.jobs import kind_of

PATH = LinearPath(
    np.array([[0.75, 0.25]]),
    np.zeros(1),
    (False,),
    season=7,
    effects=np.array([[12.1]]),
    groups=(
        Group("promotion known ahead", 12.1, 15.3),
        Group("past of price", 12.1, 12.1),
        Group("hour known ahead", 0.5, 0.7, True),
    ),
)


def job_with(path: LinearPath | None, **parts: float) -> Job:
    transform = Transform(
        columns=("sales", "promotion"),
        targets=("sales",),
        reading={"horizon": 1, "future": ("promotion",)},
        linear=path,
    )
    dataset = SimpleNamespace(transform=transform, source="file")
    config = SimpleNamespace(
        job="regress", kind=kind_of("regress"), flat=lambda: {"linear": path is not None}
    )
    return cast(Any, SimpleNamespace(config=config, dataset=dataset, part_of_series=parts))


def test_the_path_is_named_first_where_the_network_adds_nothing() -> None:
    assert answer_lines(job_with(PATH, A=0.0, B=0.0), {"net_share": 0.0, "net_part": 0.0}) == [
        "answer: a linear function of the last 2 values, season of 7 steps; the network adds "
        "nothing, by a rolling origin in the training rows",
        "  sales: 0.75 x the last, 0.25 x 2 steps before; known ahead: promotion +12.1",
        "  promotion known ahead: error 12.1 with it, 15.3 without",
        "  past of price: does not help, and is left out",
        "  hour known ahead: error 0.5 with it, 0.7 without (in mean changes of each series)",
    ]


def test_the_part_of_the_network_is_named_first_for_all_and_for_each_series() -> None:
    lines = answer_lines(job_with(PATH, A=0.05, B=0.19), {"net_share": 0.56, "net_part": 0.12})
    assert lines[0].startswith("answer: 12% by the network, the rest by a linear function of the")
    assert "; the network adds 56% of its output, " in lines[0]
    assert lines[1] == "  by the network: A 5%, B 19%"
    many = job_with(PATH, **{f"s{i}": 0.1 for i in range(10)})
    assert answer_lines(many, {"net_share": 0.5, "net_part": 0.1})[1].endswith(", s7 10%, 2 more")


def test_json_has_the_same() -> None:
    facts = answer_facts(job_with(PATH, A=0.0), {"net_share": 0.0})
    assert json.loads(json.dumps(facts)) == facts
    assert facts["answered_by"] == "the linear path"
    answer = facts["answer"]
    assert answer["network"] is False
    assert answer["part_of_series"] == {"A": 0.0}
    assert answer["targets"][0]["past"][0] == {"column": "sales", "steps_before": 1, "weight": 0.75}
    column, *others = answer["columns"]
    assert len(others) == 2
    assert (column["name"], column["error"], column["without"], column["scaled"]) == (
        *("promotion known ahead", 12.1, 15.3, False),
    )


def test_without_a_path_the_network_answers() -> None:
    job, results = job_with(None), {"nets": 1, "net_updates": 1000}
    assert answer_lines(job, results) == ["answer: the network of 1,000 updates"]
    assert answer_facts(job, results) == {"answered_by": "the network"}
    job.dataset.source = "bundled"  # type: ignore[misc]  # of a classic job, whose lines stay
    assert answer_lines(job, results) == []
