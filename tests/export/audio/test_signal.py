"""RTNeural JSON and `.nam`: nets of one signal, with their scaling folded in; others refused."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hiddenstate.errors import OptionError
from hiddenstate.export import export_model
from hiddenstate.export.target import source_of
from hiddenstate.models.fitted import FittedModel
from tests.export.models import random_model

PLAIN: dict[str, Any] = {
    **{"job": "regress", "missing": "error", "stem": False, "bidirectional": False, "members": 1},
    **{"change": False, "linear": False, "pixels": False, "readout": "last"},
}


def amplifier(cell: str, seed: int = 0, **wanted: Any) -> FittedModel:
    """A random net of one input and one output."""
    for number in range(1000 * seed, 1000 * seed + 1000):
        model = random_model(number, **(PLAIN | {"cell": cell} | wanted))
        if model.n_features == 1 and model.net.n_outputs == 1:
            return model
    raise AssertionError("no such net")


def test_rtneural_reads_keras_layers(tmp_path):
    """Shapes, gates and keys as its loader wants them."""
    model = amplifier("gru", layers=2)
    report = export_model(model, "rtneural", tmp_path / "amp.json")
    assert list(report.files) == [str(tmp_path / "amp.json")]
    content = json.loads((tmp_path / "amp.json").read_text())
    assert content["in_shape"] == [None, None, 1]
    assert [layer["type"] for layer in content["layers"]] == ["gru", "gru", "dense"]
    H = model.net.recurrent.hidden_size
    kernel, recurrent, bias = (np.array(each) for each in content["layers"][1]["weights"])
    assert (kernel.shape, recurrent.shape, bias.shape) == ((H, 3 * H), (H, 3 * H), (2, 3 * H))
    own = model.params["rnn.weight_hh_l1"]
    np.testing.assert_array_equal(recurrent[:, :H].T.astype(np.float32), own[H : 2 * H])
    np.testing.assert_array_equal(
        bias[1, 2 * H :].astype(np.float32), model.params["rnn.bias_hh_l1"][2 * H :]
    )
    assert (
        content["hiddenstate"]["model_sha256"]
        == source_of(model, "", "float32").facts["model_sha256"]
    )


def test_a_nam_file_has_every_field_that_players_read(tmp_path):
    model = amplifier("lstm", layers=2)
    export_model(model, "nam", tmp_path / "amp.nam")
    content = json.loads((tmp_path / "amp.nam").read_text())
    assert content["version"] == "0.5.4"
    assert content["architecture"] == "LSTM"
    assert content["sample_rate"] == 48000
    H = model.net.recurrent.hidden_size
    assert content["config"] == {"input_size": 1, "hidden_size": H, "num_layers": 2}
    first, second = 4 * H * (1 + H + 1) + 2 * H, 4 * H * (2 * H + 1) + 2 * H
    assert len(content["weights"]) == first + second + H + 1
    of_sounds = replace(model, transform=replace(model.transform, reading={"rate": 44100}))
    export_model(of_sounds, "nam", tmp_path / "sound.nam")
    assert json.loads((tmp_path / "sound.nam").read_text())["sample_rate"] == 44100


@pytest.mark.parametrize(
    ("to", "wanted", "message"),
    [
        ("rtneural", {"cell": "rnn"}, "RTNeural has no cell rnn_.*; use --to c"),
        ("nam", {"cell": "gru"}, "has no cell gru; use --to rtneural or --to c"),
        ("nam", {"cell": "lru"}, "Neural Amp Modeler has no cell lru; use --to c"),
        ("rtneural", {"cell": "mingru"}, "RTNeural has no cell mingru; use --to c"),
        ("nam", {"cell": "lstm", "readout": "mean", "output": "last"}, "the mean of the states"),
        ("rtneural", {"cell": "gru", "missing": "mean"}, "missing values are filled in; use"),
        ("rtneural", {"cell": "gru", "change": True}, "input is added to the output; use --to c"),
        ("nam", {"cell": "lstm", "linear": True}, "a linear path stands beside the net"),
        ("nam", {"cell": "lstm", "bidirectional": True}, "needs the whole series"),
        ("rtneural", {"cell": "lstm", "members": 3, "stateful": False}, "needs the whole series"),
        ("rtneural", {"cell": "gru", "pixels": True}, "inputs are bytes; use --to c"),
    ],
)
def test_what_a_format_cannot_hold_is_refused_with_a_target_that_can(to, wanted, message, tmp_path):
    model = amplifier(**({"stateful": False} | wanted))
    with pytest.raises(OptionError, match=message):
        export_model(model, to, tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("to", ["nam", "rtneural"])
def test_nets_of_other_jobs_and_sizes_are_refused(to, tmp_path):
    with pytest.raises(OptionError, match="holds regressors, not this job; use --to c"):
        export_model(random_model(1, job="classify"), to, tmp_path / "m")
    wide = next(m for m in (random_model(n, **PLAIN) for n in range(99)) if m.n_features > 1)
    with pytest.raises(OptionError, match="one input and one output, not of"):
        export_model(wide, to, tmp_path / "m")
