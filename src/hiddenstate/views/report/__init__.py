"""A run as one HTML file that stands alone: `page` makes it out of `sections`, which are made of
`parts`; `codes` packs what the plot of the codes shows."""

from pathlib import Path

from hiddenstate.runs import Run, write_page

REPORT, CARD = "report.html", "README.md"


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
    from hiddenstate.views.card import card_text
    from hiddenstate.views.report.page import page

    text = page(run)
    write_page(run, CARD, card_text(run))
    return write_page(run, REPORT, text)
