"""Small runs of every job, of which pages are written."""

import numpy as np
import pytest

from hiddenstate.runs import Run
from tests.conftest import write_digits
from tests.report_html import train, write_hostile


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """A finished small run of every job, and one whose labels are hostile."""
    folder = tmp_path_factory.mktemp("runs")
    digits = {"data": str(write_digits(folder / "digits")), "log_every": 5}
    table = {"data": str(write_hostile(folder / "hostile.csv")), "hidden_size": 4, "epochs": 2}
    signal = "\n".join(["load", *(f"{np.sin(t / 3):.4f}" for t in range(120))])
    (folder / "signal.csv").write_text(signal + "\n")
    forecast = {"data": str(folder / "signal.csv"), "target": ("load",), "horizon": 1}
    return {
        "classify": train("classify", digits | {"hidden_size": 4, "max_steps": 20}, folder),
        "autoencode": train("autoencode", digits | {"max_steps": 20}, folder),
        "regress": train("regress", {"windows": 12, "hidden_size": 4}, folder),
        "forecast": train("regress", forecast | {"hidden_size": 4, "epochs": 1}, folder),
        "hostile": train("classify", table, folder),
        "hostile codes": train("autoencode", {"data": table["data"], "epochs": 2}, folder),
    }
