"""A run as one HTML file that stands alone: `page` makes it out of `sections`, which are made of
`parts`; `codes` packs what the plot of the codes shows."""

from pathlib import Path

from hiddenstate.runs import Run
from hiddenstate.runs.writer import write_page

REPORT = "report.html"


def write_report(run: Run) -> Path:
    """Write the run's report.html, and its model card beside it; return the report's path.

    Parameters
    ----------
    run : Run
        Finished, or as far as it is.

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
