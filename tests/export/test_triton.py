"""The Triton export: a folder whose configuration is one, and whose graph answers step by step."""

import json
from typing import Any

import pytest

from hiddenstate.errors import MachineError, OptionError
from hiddenstate.export import export_model
from tests.export.models import random_model

onnx = pytest.importorskip("onnx")

WITH_STATE: dict[str, Any] = {"members": 1, "stem": False, "bidirectional": False}

TENSOR = {"name": "string", "data_type": "DataType", "dims": "int64*"}
SCHEMA: dict[str, dict[str, str]] = {
    "ModelConfig": {
        "name": "string",
        "backend": "string",
        "max_batch_size": "int32",
        "input": "ModelInput*",
        "output": "ModelOutput*",
        "sequence_batching": "ModelSequenceBatching",
    },
    "ModelInput": TENSOR,
    "ModelOutput": TENSOR,
    "ModelSequenceBatching": {
        "max_sequence_idle_microseconds": "uint64",
        "oldest": "StrategyOldest",
        "control_input": "ControlInput*",
        "state": "State*",
    },
    "StrategyOldest": {"max_candidate_sequences": "int32"},
    "ControlInput": {"name": "string", "control": "Control*"},
    "Control": {"kind": "Kind", "bool_false_true": "bool*"},
    "State": {
        "input_name": "string",
        "output_name": "string",
        "data_type": "DataType",
        "dims": "int64*",
        "initial_state": "InitialState*",
    },
    "InitialState": {**TENSOR, "zero_data": "bool"},
}
"""The fields of Triton's ModelConfig that the export writes; * marks a list."""

ENUMS = {
    "DataType": [
        *("TYPE_INVALID", "TYPE_UINT8", "TYPE_INT32", "TYPE_INT64", "TYPE_FP32", "TYPE_FP64"),
    ],
    "Kind": ["CONTROL_SEQUENCE_START"],
}


def parsed(text: str) -> Any:
    """The configuration, read as the text of a message of protobuf."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

    file = descriptor_pb2.FileDescriptorProto(name="config.proto", package="t", syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto
    for name, values in ENUMS.items():
        kind = file.enum_type.add(name=name)
        for number, value in enumerate(values):
            kind.value.add(name=value, number=number)
    for name, fields in SCHEMA.items():
        message = file.message_type.add(name=name)
        for number, (field, type_name) in enumerate(fields.items(), 1):
            label = kinds.LABEL_REPEATED if type_name.endswith("*") else kinds.LABEL_OPTIONAL
            word = type_name.rstrip("*")
            own = message.field.add(name=field, number=number, label=label)
            if word in SCHEMA:
                own.type, own.type_name = kinds.TYPE_MESSAGE, f".t.{word}"
            elif word in ENUMS:
                own.type, own.type_name = kinds.TYPE_ENUM, f".t.{word}"
            else:
                own.type = getattr(kinds, f"TYPE_{word.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    config = message_factory.GetMessageClass(pool.FindMessageTypeByName("t.ModelConfig"))()
    return text_format.Parse(text, config)


NUMPY = {
    **{"TYPE_FP32": "float32", "TYPE_FP64": "float64", "TYPE_INT32": "int32"},
    **{"TYPE_INT64": "int64", "TYPE_UINT8": "uint8"},
}


@pytest.mark.parametrize(
    "wanted",
    [
        {"job": "classify", "cell": "lstm", "readout": "mean", "missing": "forward"},
        {"job": "classify", "cell": "gru", "missing": "error", "pixels": True},
        {"job": "regress", "cell": "rnn", "missing": "forward", "linear": True},
    ],
)
def test_the_configuration_names_what_the_graph_has(wanted, tmp_path):
    model = random_model(3, **wanted, **WITH_STATE)
    export_model(model, "triton", tmp_path / 'a "model"')
    folder = tmp_path / 'a "model"'
    config = parsed((folder / "config.pbtxt").read_text())
    assert config.name == 'a "model"'
    graph = onnx.load(folder / "1" / "model.onnx").graph

    def declared(values: Any) -> dict[str, tuple[str, list[int]]]:
        kinds = {each.name: each.type.tensor_type for each in values}
        return {
            name: (
                onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type).name,
                [dim.dim_value or -1 for dim in kind.shape.dim][1:],
            )
            for name, kind in kinds.items()
        }

    def stated(each: Any) -> tuple[str, list[int]]:
        name = ENUMS["DataType"][each.data_type]
        return NUMPY[name], list(each.dims)

    assert not {each.name for each in graph.input} & {each.name for each in graph.initializer}
    batching = config.sequence_batching
    inputs = {each.name: stated(each) for each in config.input}
    inputs |= {each.input_name: stated(each) for each in batching.state}
    inputs["reset"] = ("bool", [1])
    outputs = {each.name: stated(each) for each in config.output}
    outputs |= {each.output_name: stated(each) for each in batching.state}
    assert inputs == declared(graph.input)
    assert outputs == declared(graph.output)
    ((control,),) = (each.control for each in batching.control_input)
    assert list(control.bool_false_true) == [False, True]
    for each in batching.state:
        assert each.output_name == f"{each.input_name}_next"
        (begin,) = each.initial_state
        assert begin.zero_data
        assert stated(begin) == stated(each)
    facts = json.loads((folder / "facts.json").read_text())
    assert facts["classes"] == model.classes


def test_a_model_that_does_not_stream_is_refused(tmp_path):
    model = random_model(3, job="classify", bidirectional=True)
    with pytest.raises(OptionError, match=r"no answer before the end.*; use --to onnx"):
        export_model(model, "triton", tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_exists_is_replaced_only_if_forced(tmp_path):
    model = random_model(3, job="classify", **WITH_STATE)
    export_model(model, "triton", tmp_path / "m")
    with pytest.raises(OptionError, match="m already exists; add"):
        export_model(model, "triton", tmp_path / "m")
    before = (tmp_path / "m" / "config.pbtxt").read_bytes()
    export_model(model, "triton", tmp_path / "m", "int8", force=True)
    assert (tmp_path / "m" / "config.pbtxt").read_bytes() == before


@pytest.mark.parametrize("name", ["file", "folder", ".", ".."])
def test_nothing_but_an_earlier_export_is_replaced(name, tmp_path, monkeypatch):
    model = random_model(3, job="classify", **WITH_STATE)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "config.json").write_text("mine")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OptionError, match=r"not an earlier export|is a folder"):
        export_model(model, "triton", name, force=True)
    assert len(list(tmp_path.rglob("*"))) == 3


def test_a_folder_that_cannot_be_written_is_not_there(tmp_path, full_for):
    model = random_model(3, job="classify", **WITH_STATE)
    full_for(".pbtxt")
    with pytest.raises(MachineError, match="no space"):
        export_model(model, "triton", tmp_path / "m")
    assert list(tmp_path.iterdir()) == []
