"""The folder of a sweep survives kills at any byte, and says what is wrong with it."""

import json

import pytest

from hiddenstate.errors import DataError, MachineError, OptionError, UntrustedFileError
from hiddenstate.scale.sweep import store
from hiddenstate.scale.sweep.models import SweepModels
from hiddenstate.scale.sweep.options import Shard
from hiddenstate.scale.sweep.records import encode_record, scan
from hiddenstate.scale.sweep.results import encode_results, result_rows, write_results
from hiddenstate.scale.sweep.store import SweepFolder
from hiddenstate.scale.sweep.work import DAMAGED, Outcome
from tests.scale.sweep.conftest import train_here

DONE = Outcome("done", 5, updates=3)


def test_the_last_record_of_a_group_counts(tmp_path):
    folder = SweepFolder(tmp_path)
    folder.add(0, 1, [encode_record(("A",), Outcome("failed", 1, "why"), b"")])
    folder.add(0, 1, [encode_record(("A",), DONE, b"model")])
    assert folder.records()["A",].outcome == DONE


def test_of_two_files_a_trained_group_counts_before_a_failed_one(tmp_path):
    folder = SweepFolder(tmp_path)
    folder.add(0, 2, [encode_record(("A",), DONE, b"model")])
    folder.add(1, 2, [encode_record(("A",), Outcome("failed", 1, "why"), b"")])
    assert folder.records()["A",].outcome == DONE


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda about: about | {"format": 2}, "update hiddenstate"),
        (lambda about: about | {"groups": 7}, "checksum"),
        (lambda about: {k: v for k, v in about.items() if k != "by"}, "by"),
        (lambda about: [], "damaged"),
    ],
)
def test_a_changed_description_is_refused(open_sales, change, error):
    sweep = open_sales()
    train_here(sweep)
    path = sweep.folder.path / "sweep.json"
    path.write_text(json.dumps(change(json.loads(path.read_text("utf-8")))), "utf-8")
    with pytest.raises(UntrustedFileError, match=error):
        sweep.folder.about()


def test_a_folder_without_a_sweep_is_refused(tmp_path):
    with pytest.raises(DataError, match="not a sweep"):
        SweepFolder(tmp_path).about()


def test_a_shard_has_one_writer_and_shards_of_one_cut_several(tmp_path):
    folder = SweepFolder(tmp_path)
    with folder.lock(0, 2), folder.lock(1, 2):
        with pytest.raises(MachineError, match="is being written by process"):
            folder.lock(0, 2)
        with pytest.raises(MachineError, match=r"shard-\d-of-2; wait for it"):
            folder.lock(0, 1)
    folder.lock(0, 1).close()


@pytest.mark.parametrize(
    "text", ["2/2", "-1/2", "1", "a/b", "1/2/3", "0/0", "", "1.0/2", "\u0661/\u0662"]
)
def test_a_shard_out_of_range_is_refused(text):
    with pytest.raises(OptionError, match="expected I/N with I from 0 to N - 1"):
        Shard.parse(text)


def test_each_group_is_in_one_shard_for_ever():
    keys = [(f"S{n}",) for n in range(200)]
    for n in (1, 3, 7):
        counts = [sum(Shard(i, n).holds(key) for key in keys) for i in range(n)]
        assert sum(counts) == len(keys)
        assert min(counts) > 0
    # Other versions and machines must cut alike: these numbers never change.
    assert [next(i for i in range(5) if Shard(i, 5).holds(k)) for k in keys[:6]] == PLACES


PLACES = [1, 3, 1, 2, 1, 3]


def test_a_table_of_results_has_a_row_a_group(tmp_path):
    folder = SweepFolder(tmp_path)
    failed = Outcome("failed", 1, 'a "reason", with\na line')
    folder.add(
        0, 1, [encode_record(("A", "1"), DONE, b"m"), encode_record(("B", "2"), failed, b"")]
    )
    records = write_results(folder, ("site", "status"))
    rows = result_rows(records, ("site", "status"))
    assert [(r["site"], r["group_status"], r["status"]) for r in rows] == [
        ("A", "1", "done"),
        ("B", "2", "failed"),
    ]
    assert (tmp_path / "results.csv").read_bytes() == encode_results(rows)
    assert encode_results([]) == b""


def statuses(folder):
    return {key[0]: record.outcome.status for key, record in folder.records().items()}


def damage(folder, part, at=0, name="shard-0-of-1.groups"):
    """Flip a byte of a file of models, `at` bytes after the first place of `part`."""
    path = folder.path / name
    content = bytearray(path.read_bytes())
    content[content.index(part) + at] ^= 0x11
    path.write_bytes(content)


@pytest.fixture
def three(tmp_path):
    """A sweep of three groups, each with a model."""
    folder = SweepFolder(tmp_path)
    folder.create(
        {"job": "regress", "by": ["site"], "by_text": [True], "options": {}, "table": {}}
        | {"groups": 3}
    )
    folder.add(0, 1, [encode_record((name,), DONE, f"model {name}".encode()) for name in "ABC"])
    return folder


def test_a_group_with_a_damaged_model_stays_in_the_results(three):
    damage(three, b"model B")
    assert statuses(three) == {"A": "done", "B": "damaged", "C": "done"}
    write_results(three, ("site",))
    line = (three.path / "results.csv").read_text().splitlines()[2]
    assert line.startswith("B,damaged,,,,,,,")
    assert "shard-0-of-1.groups" in line
    with pytest.raises(UntrustedFileError, match=r"group B is damaged: .*trains it again"):
        SweepModels(three).model_bytes(("B",))
    assert SweepModels(three).model_bytes(("C",)) == b"model C"


def test_a_group_that_is_trained_again_is_damaged_no_more(three):
    damage(three, b"model B")
    three.add(0, 1, [encode_record(("B",), DONE, b"model B")])
    assert statuses(three) == dict.fromkeys("ABC", "done")


def test_a_copy_in_another_file_takes_the_place_of_a_damaged_record(three, tmp_path):
    three.add(1, 2, [encode_record(("B",), DONE, b"model B")])
    damage(three, b"model B")
    assert statuses(three) == dict.fromkeys("ABC", "done")
    damage(three, b"model B", name="shard-1-of-2.groups")
    assert statuses(three)["B"] == DAMAGED


def test_a_failure_before_does_not_hide_a_damaged_model(three):
    three.add(0, 1, [encode_record(("D",), Outcome("failed", 1, "why"), b"")])
    three.add(0, 1, [encode_record(("D",), DONE, b"model D")])
    damage(three, b"model D")
    assert statuses(three)["D"] == DAMAGED


def test_a_damaged_line_names_its_group_if_it_can_be_read(three):
    damage(three, b'"group":["B"]')
    damage(three, b'"check"', 9)  # that of A
    found, unnamed = three.contents()
    assert found["A",].outcome.status == DAMAGED
    assert "the name of the group may be too" in found["A",].outcome.reason
    assert len(unnamed) == 1
    assert "its group cannot be read" in unnamed[0].reason
    models = SweepModels(three)
    for key in (("A",), ("B",)):
        with pytest.raises(UntrustedFileError, match="damaged"):
            models.model_bytes(key)
    assert [name for name, what in models.check() if what] == ["A", "unnamed record 1"]
    three.add(0, 1, [encode_record((name,), DONE, b"model") for name in "AB"])
    assert three.contents()[1] == []
    assert statuses(three) == dict.fromkeys("ABC", "done")


@pytest.mark.parametrize("cut", [1, 8, 60, 300])
def test_a_file_that_was_cut_has_a_damaged_record(three, cut):
    path = three.path / "shard-0-of-1.groups"
    path.write_bytes(path.read_bytes()[:-cut])
    found, unnamed = three.contents()
    assert len(unnamed) + (("C",) in found and found["C",].outcome.status == DAMAGED) == 1
    lock = three.lock(0, 1)  # another process is writing it
    assert three.contents()[1] == []
    assert ("C",) not in three.records()
    assert three.contents(is_writer=True) == (found, unnamed)
    lock.close()


def test_damaged_groups_are_not_collected(three, tmp_path):
    other = SweepFolder(tmp_path / "other")
    other.create(three.about() | {"groups": 3})
    damage(three, b"model B")
    assert other.copy_from(three) == 2
    other.add(0, 1, [encode_record(("B",), DONE, b"model B")])
    assert three.copy_from(other) == 1
    assert statuses(three) == dict.fromkeys("ABC", "done")


def test_a_record_that_is_complete_when_its_writer_ends_is_no_damage(tmp_path, monkeypatch):
    folder = SweepFolder(tmp_path)
    whole = encode_record(("A",), DONE, b"model")
    folder.add(0, 1, [whole])
    path = next(iter(folder.files()))
    writer = folder.lock(0, 1)
    path.write_bytes(whole + encode_record(("B",), DONE, b"model")[:-2])

    def ended(each):
        yield from scan(each)
        writer.close()

    monkeypatch.setattr(store, "scan", lambda each: list(ended(each)))
    found, unnamed = folder.contents()
    assert (list(found), unnamed) == ([("A",)], [])
