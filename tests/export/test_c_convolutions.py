"""Fixed convolutions in the C header: which values are above a bias is exact."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.export import export_model
from hiddenstate.export.c import comment as c_comment
from hiddenstate.export.c import run as c_run
from hiddenstate.export.c.arrays import arrays_of
from hiddenstate.export.int8 import stored
from hiddenstate.export.target import Source
from hiddenstate.export.trial import trials_of
from hiddenstate.models.convolutions import _convolved
from hiddenstate.models.fitted import FittedModel
from hiddenstate.program.companions import KERNELS
from tests.export.compiled import checked, compiled, sanitized
from tests.export.models import path_of, random_model
from tests.export.test_c_header import LIMIT, header_of, largest


def model_of(seed: int, **wanted: Any) -> FittedModel:
    share = (0.0, 0.25, 0.75)[seed % 3]
    wanted = {"steps": 5 + 9 * seed, "convolutions": share} | wanted
    return random_model(seed, job="classify", **wanted)


def run_of(folder: Path, source: Source, header: str, *options: str) -> Callable[[Any], Any]:
    """What answers trials: the compiled header."""
    program = compiled(folder, c_run.header_program(source, header), *options)

    def answers_to(trial: Any) -> Any:
        lines = checked(program, given=c_run._rows_text(trial)).splitlines()
        return c_run._parsed(source, lines, trial)

    return answers_to


def at_their_biases(model: FittedModel) -> FittedModel:
    """The model with biases that are values, rounded to float32, of the rows of its trial."""
    path, X = path_of(model), trials_of(model)[0].X
    assert path is not None
    own = path.convolutions
    rows = model.transform.apply(X, None, np.float64, "rows").astype(np.float32).transpose(0, 2, 1)
    random, biases = np.random.default_rng(0), []
    for d, (dilation, count) in enumerate(zip(own.dilations, own.counts, strict=True)):
        for number, kernel in enumerate(KERNELS):
            row = rows[random.integers(len(rows))][own.uses[d, number]]
            biases.append(random.choice(_convolved(row, kernel, int(dilation)), count))
    own = replace(own, biases=np.concatenate(biases).astype(np.float32))
    return replace(model, companions=(replace(path, convolutions=own),))


def test_values_at_a_bias_fall_on_the_side_of_the_model(tmp_path):
    """Each convolution has values that differ from a bias by less than float32 can tell."""
    model = at_their_biases(model_of(4, missing="mean", convolutions=0.0, steps=40))
    source, header = header_of(model)
    found = largest(source, run_of(tmp_path, source, header, "-O2"))
    assert found < LIMIT
    in_float = header.replace("double exact = (double)data[i]", "float exact = data[i]")
    in_float = in_float.replace("exact - m_offset[i]", "exact - (float)m_offset[i]")
    in_float = in_float.replace("* m_factor[i]", "* (float)m_factor[i]")
    assert largest(source, run_of(tmp_path, source, in_float, "-O2", "-w")) > 100 * LIMIT
    not_up = header.replace("(double)up < value ?", "0 ?")
    assert not_up != header
    assert largest(source, run_of(tmp_path, source, not_up, "-O2", "-w")) > 100 * LIMIT


def test_networks_without_a_share_are_left_out():
    wanted = {"missing": "mean", "members": 3, "stem": True, "layers": 2}
    beside, alone = (header_of(model_of(2, convolutions=share, **wanted))[1] for share in (0.5, 0))
    kept = set(arrays_of(alone))
    assert kept < set(arrays_of(beside))
    assert {name.split("_")[1] for name in kept} == {"offset", "factor", "fill", "fixed", "test"}
    assert "9,996 fixed convolutions alone" in alone
    assert not re.search(r"_(layer|dense|add|cell|sigmoid|answer)\b", alone)


STATUSES = """
#define M_IMPLEMENTATION
#include "m.h"
#include <stdio.h>
int main(void)
{
    static float x[12 * M_FEATURES], y[M_OUTPUTS], scratch[M_SCRATCH(12)];
    int i;
    for (i = 0; i < 4; i++) {
        x[7 * M_FEATURES] = i == 0 ? 0.0f : i == 1 ? NAN : i == 2 ? 3e38f : 2e30f;
        printf("%d ", m_run(x, 12, y, scratch));
        printf("%d %d ", y[0] != y[0] && y[M_OUTPUTS - 1] != y[M_OUTPUTS - 1], m_class(y) < 0);
    }
    printf("%d ", m_run(x, 0, y, scratch));
    printf("%d", y[0] != y[0]);
    return 0;
}
"""


def test_inputs_that_a_classifier_refuses_never_give_a_class(tmp_path):
    model = model_of(3, missing="error", pixels=False)
    scaling = model.transform.scaling
    assert scaling is not None
    steep = (scaling[0], np.abs(scaling[1]) * 0 + 100)
    model = replace(model, transform=replace(model.transform, scaling=steep))
    (tmp_path / "m.h").write_text(header_of(model)[1])
    found = checked(compiled(tmp_path, STATUSES, *sanitized())).split()
    read, missing, large = ["0", "0", "0"], ["-1", "1", "1"], ["-3", "1", "1"]
    assert found == [*read, *missing, *large, *read, "-4", "1"]


def test_bytes_hold_the_rounded_weights_exactly():
    model = model_of(1)
    arrays = arrays_of(header_of(model, "int8")[1])
    bytes_, scale = arrays["m_fixed_weights"], arrays["m_fixed_weights_scale"]
    assert bytes_.dtype == np.int8
    rounded = path_of(stored(model, "int8"))
    assert rounded is not None
    found = bytes_.reshape(-1, len(scale)).T * scale[:, None].astype(float)
    np.testing.assert_array_equal(found, rounded.weights)
    assert (np.abs(found - path_of(model).weights) <= scale[:, None] * 0.51).all()


def test_an_export_says_what_it_is_and_costs(tmp_path):
    report = export_model(model_of(1), "c", tmp_path / "m.h")
    assert report.difference < LIMIT
    comment = (tmp_path / "m.h").read_text().split("*/")[0]
    assert "beside 9,996 fixed convolutions, whose share is 75%" in comment
    assert "additions of doubles" in comment
    assert " ".join(c_comment.DOUBLE.split()) in " ".join(comment.split())
