"""Who answers, by the results of runs and scores, old ones too."""

from typing import Any

import pytest

from hiddenstate.metrics.answer import Answer, answer_of

MADE = {"nets": 5, "net_updates": 300}
CONVOLUTIONS, LINEAR = {"convolutions": True}, {"linear": True}


@pytest.mark.parametrize(
    ("job", "results", "options", "who", "words"),
    [
        ("classify", MADE, {}, "the network", "5 networks of 300 updates each"),
        ("regress", {"nets": 1, "net_updates": 1}, {}, "the network", "the network of 1 update"),
        ("classify", {}, {}, "the network", "the network"),
        (
            *("classify", MADE | {"net_share": 0.25}, CONVOLUTIONS),
            "the network and fixed convolutions",
            "25% by 5 networks of 300 updates each, the rest by fixed convolutions with a linear "
            "classifier",
        ),
        (
            *("classify", {"net_share": 0.0, "nets": 1, "net_updates": 100}, CONVOLUTIONS),
            "fixed convolutions",
            "fixed convolutions with a linear classifier; the network of 100 updates does not "
            "answer",
        ),
        (
            *("classify", MADE | {"net_share": 1.0}, CONVOLUTIONS, "the network"),
            "5 networks of 300 updates each, which suffice without fixed convolutions",
        ),
        (
            *("classify", {"net_share": 0.75}, CONVOLUTIONS),
            "the network and fixed convolutions",
            "75% by the network, the rest by fixed convolutions with a linear classifier",
        ),
        (
            *("regress", MADE | {"net_share": 1.0, "net_part": 0.1}, LINEAR),
            "the network and the linear path",
            "10% by 5 networks of 300 updates each, the rest by the linear path",
        ),
        (
            *("regress", {"net_share": 0.5}, LINEAR, "the network and the linear path"),
            "the network and the linear path",
        ),
        (
            *("regress", MADE | {"net_share": 0.0}, LINEAR, "the linear path"),
            "the linear path; 5 networks of 300 updates each do not answer",
        ),
    ],
)
def test_who_answers_is_named_with_its_share_and_updates(
    job: str, results: dict[str, Any], options: dict[str, Any], who: str, words: str
) -> None:
    answer = answer_of(job, results, options)
    assert answer.who == who
    assert answer.in_words() == words


def test_a_network_alone_answers_where_nothing_is_known() -> None:
    assert answer_of("classify", {}) == Answer()
    assert Answer().by_net


@pytest.mark.parametrize(
    ("job", "results", "options", "words"),
    [
        ("classify", MADE, {}, ""),
        ("classify", {"net_share": 1.0}, CONVOLUTIONS, ""),
        ("classify", {"net_share": 0.25}, CONVOLUTIONS, "the network alone, 25% of the answer"),
        ("classify", {"net_share": 0.0}, CONVOLUTIONS, "the network alone, which does not answer"),
        ("regress", {"net_share": 0.5}, LINEAR, "the network alone, all of its output added"),
        ("regress", {"net_share": 0.0}, LINEAR, "the network alone, which does not answer"),
    ],
)
def test_a_network_that_is_not_the_model_is_alone(
    job: str, results: dict[str, Any], options: dict[str, Any], words: str
) -> None:
    assert answer_of(job, results, options).net_alone() == words
