"""The model of an exported Python file where it has no answer."""

import json

import pytest

from hiddenstate.export.python.file import packed
from hiddenstate.export.python.model import loaded
from hiddenstate.export.target import source_of
from tests.export.models import random_model


def test_a_model_that_reads_whole_series_has_no_stream():
    model = random_model(1, job="classify", steps=9, convolutions=0.5)
    source = source_of(model, "m", "float32")
    own = loaded(json.dumps(packed(source.program)), json.dumps(source.facts))
    assert not own.program.streams
    with pytest.raises(ValueError, match="no answer before the end"):
        own.stream()
