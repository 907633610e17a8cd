"""The pages for man are what the help of the commands says."""

import pytest
from tools import man_pages

MADE = dict(man_pages.files())


@pytest.mark.parametrize("path", MADE, ids=lambda path: path.name)
def test_a_page_is_what_the_help_says(path):
    assert path.read_text("utf-8") == MADE[path], "run python -m tools.man_pages"


def test_each_page_is_of_a_command():
    assert {*man_pages.FOLDER.iterdir()} == MADE.keys()


def test_marks_of_man_in_a_text_are_read_as_they_stand():
    formatter = man_pages.ManFormatter()
    formatter.write_text(".ts archives\n'quoted' as C:\\new\n\n\b\nExample:\n  run `it`\n  --again")
    assert formatter.getvalue() == (
        ".PP\n\\&.ts archives \\(aqquoted\\(aq as C:\\enew\n"
        ".PP\nExample:\n.RS 4\n.nf\nrun \\fBit\\fR\n\\-\\-again\n.fi\n.RE\n"
    )


def test_the_main_page_has_all_codes_at_exit():
    page = MADE[man_pages.FOLDER / "hiddenstate.1"]
    section = page.partition(".SH EXIT STATUS\n")[2] or page.partition('.SH "EXIT STATUS"\n')[2]
    assert section.partition("\n.SH")[0].count(".TP") == 8
