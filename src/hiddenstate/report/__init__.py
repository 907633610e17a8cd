"""Describes a run for people: one HTML page that stands alone, and a model card.

`facts` reads the run, `results` compares it with baselines, `commands` repeats it; `html` and
`model_card` write what they say.
"""

from pathlib import Path

from hiddenstate.runs import Run
from hiddenstate.runs.writer import write_page

REPORT = "report.html"


def write_report(run: Run) -> Path:
    """Write report.html and the model card into the run folder; return the path of the report.

    Parameters
    ----------
    run : Run
        Finished or not.

    Raises
    ------
    MachineError
        If a file cannot be written.
    """
    from hiddenstate.report.html.page import page
    from hiddenstate.report.model_card import write_card

    text = page(run)
    write_card(run)
    return write_page(run, REPORT, text)
