"""A file of models survives kills at any byte, and damage costs one record."""

import io

import pytest

from hiddenstate.errors import UntrustedFileError
from hiddenstate.scale.sweep import records
from hiddenstate.scale.sweep.records import Damage, encode_record, read_records, scan
from hiddenstate.scale.sweep.work import Outcome

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


def test_a_record_that_is_being_written_is_the_last_whatever_follows(tmp_path, monkeypatch):
    """Another process completes the record, and adds one, after its first half was read."""
    path = tmp_path / "shard-0-of-1.groups"
    first, second, third = whole_file()
    path.write_bytes(first + third[:-3])

    class Growing(io.BufferedReader):
        def read(self, n=-1):
            content = super().read(n)
            if not content.startswith(b"first"):
                path.write_bytes(first + third + second)
            return content

    monkeypatch.setattr(records, "open_regular", lambda p: Growing(io.FileIO(p)))
    found, damage = scan(path)
    assert found.key == ("A",)
    assert isinstance(damage, Damage)
    assert (damage.key, damage.is_last) == (("C",), True)
