"""Followers: each point of a run once at its tracker, whatever happens in between."""

import json
import shutil
import struct

import pytest

from hiddenstate.errors import DataError, MachineError, UntrustedFileError
from hiddenstate.runs import Run
from hiddenstate.scale.track import follower as module
from hiddenstate.scale.track.facts import Clock, facts_of
from hiddenstate.scale.track.follower import Follower, follow
from hiddenstate.scale.track.written import Written
from tests.conftest import write_lines
from tests.scale.track.trackers import Growing, Memory, check_points, expected, look_until_the_end


@pytest.fixture(autouse=True)
def no_figures(monkeypatch):
    """Figures are drawn in the tests of each tracker; here they would only take time."""
    monkeypatch.setattr("hiddenstate.views.save.draw_figures", lambda run: [("one", b"png")])


@pytest.fixture
def run(run_of):
    return run_of("autoencode")


def test_a_finished_run_is_handed_over_whole(run):
    there = Memory()
    follower = Follower(run, there, print)
    look_until_the_end(follower)
    assert follower.is_finished
    check_points(there.points, run, results=False)
    (ending,) = there.endings
    assert ending.status == "done"
    assert ending.results == run.results()
    assert ending.step == run.history()[-1]["step"]
    assert ending.figures == {"one": b"png"}
    assert set(ending.files) == {"config.json", "model.safetensors"}
    assert ending.card.startswith("# ")
    assert follower.look() is False
    assert there.calls.count("open") == 1


def test_lines_arrive_while_the_run_is_trained(run):
    growing, there = Growing(run, 2), Memory()
    follower = Follower(run, there, print)
    look_until_the_end(follower)
    assert {step for _, step, _ in there.points} == {run.history()[n]["step"] for n in (0, 1)}
    growing.add(3)
    look_until_the_end(follower)
    assert not follower.is_finished
    assert not there.endings
    growing.end()
    look_until_the_end(follower)
    assert follower.is_finished
    check_points(there.points, run, results=False)


def test_an_unfinished_line_waits_until_it_is_whole(run):
    growing, there = Growing(run, 2), Memory()
    follower = Follower(run, there, print)
    line = growing._lines[2]
    with growing.path.open("ab") as stream:
        stream.write(line[:20])
    look_until_the_end(follower)
    n = len(there.points)
    with growing.path.open("ab") as stream:
        stream.write(line[20:])
    look_until_the_end(follower)
    assert len(there.points) > n
    growing.n += 1
    growing.end()
    look_until_the_end(follower)
    check_points(there.points, run, results=False)


def test_whichever_call_finds_the_tracker_away_each_point_arrives_once(run, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 1)
    monkeypatch.setattr("hiddenstate.runs.record.MAX_LINE", 600)
    whole = Memory()
    look_until_the_end(Follower(run, whole, print))
    assert len(whole.calls) > 6
    for n in range(2, whole.calls.index("close") + 1):  # away at the first call ends it
        there, notes = Memory(), []
        there.fail_at = n
        follow(
            _once([Follower(run, there, print)]),
            lambda: False,
            notes.append,
            sleep=lambda seconds: None,
        )
        check_points(there.points, run, results=False)
        assert len(there.endings) == 1
        assert [note.split()[1] for note in notes] == ["away", "is"]


def test_a_new_follower_writes_only_what_is_missing(run):
    there = Memory()
    look_until_the_end(Follower(run, there, print))
    del there.points[7:]
    there.endings.clear()
    look_until_the_end(Follower(run, there, print))
    check_points(there.points, run, results=False)
    look_until_the_end(Follower(run, there, print))
    assert len(there.endings) == 1


def test_lines_that_a_resumed_run_repeats_are_written_once(run):
    growing, there = Growing(run, 6), Memory()
    follower = Follower(run, there, print)
    look_until_the_end(follower)
    growing.cut(3)
    look_until_the_end(follower)
    growing.add(1)
    look_until_the_end(follower)
    growing.end()
    look_until_the_end(follower)
    check_points(there.points, run, results=False)


@pytest.mark.parametrize("can_rewind", [True, False])
def test_other_values_after_a_resume_are_written_too(run, can_rewind):
    history = run.history()
    logs = [event for event in history if event["event"] == "log"]
    growing, there, notes = Growing(run, 6), Memory(can_rewind), []
    follower = Follower(run, there, notes.append)
    look_until_the_end(follower)
    changed = [{**event, "lr": 0.5} if event is logs[4] else event for event in history]
    run.path.joinpath("history.jsonl").unlink()
    write_lines(run.path / "history.jsonl", changed)
    growing.lock.close()
    look_until_the_end(follower)
    assert f"from step {logs[4]['step']} on" in notes[0]
    assert (("lr", logs[4]["step"], logs[4]["lr"]) in there.points) is not can_rewind
    assert ("lr", logs[4]["step"], 0.5) in there.points
    if can_rewind:
        check_points(there.points, run, results=False)


def test_a_run_that_is_resumed_for_longer_gets_a_second_ending(run):
    there = Memory()
    follower = Follower(run, there, print)
    look_until_the_end(follower)
    *before, end = run.history()
    with_more = [
        *before,
        {
            **before[-1],
            "event": "log",
            "step": end["step"] + 1,
            "loss": 0.25,
            "mean_loss": 0.5,
            "lr": 0.1,
        },
    ]
    write_lines(run.path / "history.jsonl", [*with_more, {**end, "step": end["step"] + 2}])
    look_until_the_end(follower)
    assert follower.is_finished
    assert [ending.step for ending in there.endings] == [end["step"], end["step"] + 2]
    assert ("loss", end["step"] + 1, 0.25) in there.points
    assert len(set(there.points)) == len(there.points)


def test_a_damaged_line_is_left_out(run):
    path = run.path / "history.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b'"loss": ', b'"loss": 1')
    path.write_bytes(b"".join(lines))
    there = Memory()
    look_until_the_end(Follower(run, there, print))
    check_points(there.points, run, results=False)
    assert len(expected(run)) < len(lines) * 4


def test_a_damaged_model_is_not_passed_on(run):
    path = run.path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    there, notes = Memory(), []
    look_until_the_end(Follower(run, there, notes.append))
    assert "model.safetensors" not in there.endings[0].files
    assert "the model is left out" in notes[0]


def test_a_run_without_its_first_entry_is_refused(run):
    path = run.path / "journal.jsonl"
    path.write_bytes(b'{"event": "start"}\n')
    with pytest.raises(UntrustedFileError, match=r"journal.jsonl:1: this line is damaged.*restore"):
        Follower(run, Memory(), print).look()


def test_a_run_whose_first_entry_alone_is_damaged_is_refused_too(run):
    path = run.path / "journal.jsonl"
    first, *rest = path.read_bytes().splitlines(keepends=True)
    assert rest
    path.write_bytes(b"".join([first.replace(b'"step": 0', b'"step": 1'), *rest]))
    assert facts_of_error(run) == f"{path}:1: this line is damaged, or another run's"


def facts_of_error(run):
    with pytest.raises(UntrustedFileError) as caught:
        facts_of(run)
    return str(caught.value).partition(";")[0]


@pytest.mark.parametrize("n", [0, 3, 1000])
def test_nothing_of_another_run_that_takes_the_place_of_one_is_written(run, run_of, n):
    """Before anything of the first was read, in its middle, and after its end."""
    growing, there = Growing(run, n), Memory()
    if n == 1000:
        growing.end()
    follower = Follower(run, there, print)
    look_until_the_end(follower)
    before = list(there.points)
    assert bool(before) == bool(n)
    growing.lock.close()
    shutil.rmtree(run.path)
    run_of("regress").path.rename(run.path)
    with pytest.raises(DataError, match="another run is in its place now"):
        look_until_the_end(follower)
    assert there.points == before
    assert there.calls.count("finish") == (n == 1000)


def test_a_run_that_is_replaced_while_its_figures_are_drawn_gets_no_ending(
    run, run_of, monkeypatch
):
    def drawn(own):
        shutil.rmtree(run.path)
        run_of("regress").path.rename(run.path)
        return [("one", b"png")]

    monkeypatch.setattr("hiddenstate.views.save.draw_figures", drawn)
    there = Memory()
    with pytest.raises(DataError, match="another run is in its place now"):
        look_until_the_end(Follower(run, there, lambda line: None))
    assert there.points
    assert not there.endings


def test_the_status_of_a_run_that_is_over_is_read_once_however_long_it_is(run, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 1)
    monkeypatch.setattr("hiddenstate.runs.record.MAX_LINE", 300)
    calls, status = [], Run.status

    def counted(self):
        calls.append(self)
        return status(self)

    monkeypatch.setattr(Run, "status", counted)
    there = Memory()
    look_until_the_end(Follower(run, there, print))
    assert there.calls.count("write") > 5
    assert len(calls) < 3 + len(there.endings)


def test_an_option_that_changed_when_a_run_was_resumed_is_told(run):
    there = Memory()
    follower = Follower(run, there, print)
    look_until_the_end(follower)
    there.facts = None
    record = json.loads((run.path / "config.json").read_text())
    record["config"]["training"]["epochs"] = 9
    del record["sha256"]
    (run.path / "config.json").write_text(json.dumps(record))
    (run.path / "history.jsonl").touch()
    look_until_the_end(follower)
    assert there.facts.options["epochs"] == "9"


def test_a_run_that_was_removed_is_named(run):
    follower = Follower(run, Memory(), print)
    look_until_the_end(follower)
    shutil.rmtree(run.path)
    with pytest.raises(DataError, match="moved or removed"):
        follower.look()


def test_a_tracker_that_was_never_there_ends_the_followers_of_all_runs(run, run_of):
    away, others = Memory(), Memory()
    away.fail_at = 1
    followers = [Follower(run, away, print), Follower(run_of("regress"), others, print)]
    with pytest.raises(MachineError, match=r"memory: cannot be reached: unplugged; .*--keep"):
        follow(_once(followers), lambda: False, print, failed=lambda *_: pytest.fail("left out"))
    assert "open" not in others.calls


def test_a_tracker_is_back_only_when_it_has_answered(run, run_of):
    """A look at a run that is finished asks it nothing."""
    there, away, notes, sleeps = Memory(), Memory(), [], []
    growing = Growing(run_of("regress"), 3)
    followers = [Follower(run, there, print), Follower(growing.run, away, print)]

    def sleep(seconds):
        sleeps.append(seconds)
        if len(sleeps) == 1:
            away.fails = True
            growing.add()
        if len(sleeps) == 60:
            away.fails = False
            growing.end()

    follow(_once(followers), lambda: False, notes.append, sleep=sleep)
    assert [note.split()[1] for note in notes] == ["away", "is"]
    check_points(away.points, growing.run, results=False)


def test_few_of_many_runs_that_are_over_are_open_at_a_time(run, run_of, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 1)
    monkeypatch.setattr("hiddenstate.runs.record.MAX_LINE", 600)
    one, other = Memory(), Memory()
    other.calls = one.calls
    follow(
        _once([Follower(run, one, print), Follower(run_of("regress"), other, print)]),
        lambda: False,
        print,
    )
    assert [call for call in one.calls if call in ("open", "close")][:3] == [
        "open",
        "close",
        "open",
    ]


def test_one_of_many_runs_that_cannot_be_followed_leaves_the_others(run, run_of):
    other = run_of("regress")
    (other.path / "journal.jsonl").write_bytes(b'{"event": "start"}\n')
    there, failed, finished = Memory(), [], []
    follow(
        _once([Follower(other, Memory(), print), Follower(run, there, print)]),
        lambda: False,
        print,
        finished=finished.append,
        failed=lambda each, error: failed.append(each.run.name),
        sleep=lambda seconds: None,
    )
    assert failed == [other.name]
    assert [each.run.name for each in finished] == [run.name]


def test_followers_keep_on_until_they_are_stopped(run):
    there, looks = Memory(), []
    follow(
        _once([Follower(run, there, print)]),
        lambda: len(looks) > 2,
        print,
        keep=True,
        sleep=looks.append,
    )
    assert there.endings
    assert len(looks) == 3
    assert there.calls[-1] == "close"


def _once(followers):
    left = [followers]
    return lambda: left.pop() if left else []


def test_the_identity_stays_when_a_folder_moves_and_differs_between_runs(run, tmp_path):
    facts = facts_of(run)
    moved = Run(run.path.rename(tmp_path / "elsewhere"))
    assert facts_of(moved).identity == facts.identity
    journal = moved.journal()
    write_lines(moved.path / "journal.jsonl", [{**journal[0], "time": "2020-01-01T00:00:00Z"}])
    assert facts_of(moved).identity != facts.identity
    assert facts_of(moved).tags["hiddenstate.id"] == run.id


def test_options_that_differ_from_their_defaults_come_first(run):
    facts = facts_of(run)
    assert next(iter(facts.options)) in ("data", "encoder_sizes", "epochs", "log_every")
    assert facts.options["encoder_sizes"] == "8"
    assert facts.numbers["epochs"] == 2
    assert "threads" not in facts.numbers


def test_the_time_of_a_step_is_that_of_the_entry_before_it():
    def entry(event, step, second):
        return {"event": event, "step": step, "time": f"2026-01-01T00:00:{second:02}+00:00"}

    journal = [entry("start", 0, 0), entry("checkpoint", 40, 10)]
    clock = Clock(journal)
    began = clock.before(0)
    assert [clock.before(step) - began for step in (0, 39, 40, 99)] == [0, 0, 10_000, 10_000]
    assert clock.estimate(20) == began / 1000 + 5
    assert clock.estimate(60, now=began / 1000 + 15) == began / 1000 + 15
    later = Clock([*journal, entry("start", 40, 30), entry("checkpoint", 90, 50)])
    assert [later.before(step) for step in (0, 39, 40, 89)] == [
        clock.before(step) for step in (0, 39, 40, 89)
    ]


def test_points_are_found_whatever_order_they_were_added_in():
    written = Written()
    for step in (5, 1, 3, 9, 3):
        written.add("loss", step, step / 3)
    assert (len(written), written.repeated) == (4, 1)
    assert [written.value("loss", step) for step in (1, 2, 3, 9, 10)] == [1 / 3, None, 1, 3, None]
    assert written.has("loss", 5, 5 / 3 + 1e-9)
    assert written.has("loss", 5, 2.0) is None
    assert written.has("lr", 5, 2.0) is False
    written.cut(3)
    assert [written.value("loss", step) for step in (1, 3, 9)] == [1 / 3, None, None]


def test_values_that_a_tracker_keeps_as_float32_are_found_however_small_or_large():
    written = Written()
    for step, value in enumerate((1e-300, 1.23456789e-42, 0.1, 1e39, 16777217.0)):
        written.add("loss", step, struct.unpack("<f", struct.pack("<f", min(value, 3e38)))[0])
        if value > 3e38:
            written.add("loss", step, float("inf"))
        assert written.has("loss", step, value)
    assert written.has("loss", 2, 0.1001) is None


def test_the_history_of_a_run_in_progress_is_never_written(run):
    """A follower opens no file of a run for writing but those of figures, of which it has none."""
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    look_until_the_end(Follower(run, Memory(), print))
    assert before == {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
