"""What the tests of tables share: a reader of text, and the message of a refusal."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.config import DataConfig
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.readers.open import read_path
from hiddenstate.data.readers.role_guesses import Part
from hiddenstate.errors import DataError

Array = np.ndarray[Any, Any]


def reader(folder: Path) -> Callable[..., SequenceDataset]:
    """Read text or bytes as a table: `read("a,b\\n1,2\\n", job="regress", target=("b",))`."""

    def run(
        text: str | bytes,
        name: str = "t.csv",
        job: str = "classify",
        require_targets: bool = True,
        **options: Any,
    ) -> SequenceDataset:
        path = folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        part: Part = "training" if require_targets else "new"
        return read_path(str(path), DataConfig(**options), job, require_targets, part=part)

    return run


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., SequenceDataset]:
    return reader(tmp_path)


Read = Callable[..., SequenceDataset]


def refused(read: Read, *arguments: Any, **options: Any) -> str:
    """The message with which a table is refused."""
    with pytest.raises(DataError) as error:
        read(*arguments, **options)
    assert str(error.value).isprintable()
    return str(error.value).partition("/t.")[2]


def equal(result: Any, expected: Any) -> None:
    np.testing.assert_array_equal(result, np.asarray(expected))
