"""A run of the bundled digits, whose tests of all rows take a while."""

import pytest

from hiddenstate.runs import Run
from tests.report_html import train


@pytest.fixture(scope="session")
def codes(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An autoencoder of the bundled digits after two steps, which is to be left as it is."""
    return train(
        "autoencode", {"max_steps": 2, "n_evaluated": 30}, tmp_path_factory.mktemp("codes")
    )
