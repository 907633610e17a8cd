"""Describes a run for people: one HTML page that stands alone, and a model card.

`facts` reads the run, `results` compares it with baselines, `forecast` says what answers a
forecast, `commands` repeats it; `html` and `model_card` write what they say.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hiddenstate.runs import Run
from hiddenstate.runs.writer import write_page

if TYPE_CHECKING:
    from hiddenstate.report.forecast import Table

REPORT = "report.html"


def write_report(
    run: Run, tables: "Sequence[Table]" = (), fans: Mapping[str, object] | None = None
) -> Path:
    """Write report.html and the model card into the run folder; return the path of the report.

    Parameters
    ----------
    run : Run
        Finished or not.
    tables : sequence of Table, optional
        The forecasts of the run and their scores, which both list.
    fans : mapping, optional
        The same forecasts as a page draws them.

    Raises
    ------
    MachineError
        If a file cannot be written.
    """
    from hiddenstate.report.html.page import page
    from hiddenstate.report.model_card import write_card

    text = page(run, tables, fans)
    write_card(run, tables)
    return write_page(run, REPORT, text)
