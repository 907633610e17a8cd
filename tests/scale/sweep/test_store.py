"""The folder of a sweep survives kills at any byte, and says what is wrong with it."""

import json

import pytest

from hiddenstate.errors import DataError, MachineError, OptionError, UntrustedFileError
from hiddenstate.scale.sweep.options import Shard
from hiddenstate.scale.sweep.results import encode_results, result_rows, write_results
from hiddenstate.scale.sweep.store import SweepFolder, encode_record, read_records
from hiddenstate.scale.sweep.work import Outcome
from tests.scale.sweep.conftest import train_here

DONE = Outcome("done", 5, updates=3)
MODELS: dict[tuple[str, ...], bytes] = {
    ("A",): b"first model",
    ("B",): b"\nhiddenstate-group {}\nsecond",
    ("C",): b"third",
}


def whole_file():
    return [encode_record(key, DONE, model) for key, model in MODELS.items()]


def test_records_come_back_as_they_were_written(tmp_path):
    path = tmp_path / "shard-0-of-1.groups"
    path.write_bytes(b"".join(whole_file()))
    assert {r.key: r.model_bytes() for r in read_records(path)} == MODELS
    assert [r.outcome for r in read_records(path)] == [DONE] * 3


def test_whatever_a_kill_leaves_of_a_record_costs_that_record_alone(tmp_path):
    """The first record is cut at every byte, and others are appended, as after a restart."""
    path = tmp_path / "shard-0-of-1.groups"
    first, *others = whole_file()
    for cut in range(len(first)):
        path.write_bytes(first[:cut] + b"".join(others))
        assert [r.key for r in read_records(path)] == [("B",), ("C",)], cut


def test_a_changed_byte_costs_its_record_alone(tmp_path):
    path = tmp_path / "shard-0-of-1.groups"
    first, *others = whole_file()
    for place in range(1, len(first)):
        changed = bytearray(first)
        changed[place] ^= 0x11
        path.write_bytes(bytes(changed) + b"".join(others))
        assert [r.key for r in read_records(path)][-2:] == [("B",), ("C",)], place
        assert all(r.model_bytes() == MODELS[r.key] for r in read_records(path))


def test_a_model_that_is_damaged_after_it_was_found_is_refused(tmp_path):
    path = tmp_path / "shard-0-of-1.groups"
    path.write_bytes(whole_file()[0])
    (record,) = read_records(path)
    path.write_bytes(whole_file()[0].replace(b"first", b"worst"))
    with pytest.raises(UntrustedFileError, match="SHA-256"):
        record.model_bytes()


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
