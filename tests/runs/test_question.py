"""What a run predicts of which data."""

from hiddenstate.runs.question import question_of
from tests.conftest import write_digits
from tests.report_html import train


def test_runs_answer_the_same_question_if_their_file_is_the_same_not_only_its_name(tmp_path):
    names = {}
    for place in ("one", "two"):
        own = tmp_path / place
        own.mkdir()
        file = str(write_digits(own / "digits"))
        for name, more in (("first", {}), ("second", {"hidden_size": 9})):
            run = train("classify", {"data": file, "max_steps": 1, **more}, own / name)
            names[place, name] = question_of(run)
            assert run.data_fact("name") == "digits"
    assert names["one", "first"] == names["one", "second"] != names["two", "first"]
    waves = train("regress", {"max_steps": 1}, tmp_path / "waves")
    assert waves.data_fact("fingerprint") in question_of(waves)
