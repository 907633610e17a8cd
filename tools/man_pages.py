"""Writes the pages for `man` in man/, one for the program and one for each command.

    python -m tools.man_pages

They say what `--help` says: commands write their help through a formatter that writes the language
of man(7). The codes at exit are those of docs/cli.md.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from hiddenstate import __version__
from hiddenstate.cli import COMMANDS, cli

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "man"
ADDRESS = "https://github.com/hiddenstate/hiddenstate"


class ManFormatter(click.HelpFormatter):
    """Writes help in the language of man(7) instead of aligned text."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write how a command is called."""
        self.write(f".SH SYNOPSIS\n.B {roff(prog)}\n{roff(args)}\n.SH DESCRIPTION\n")

    def write_heading(self, heading: str) -> None:
        """Write the title of a section."""
        self.write(f'.SH "{roff(heading).upper()}"\n')

    def write_paragraph(self) -> None:
        """Write nothing: paragraphs begin with their macro."""

    def write_text(self, text: str) -> None:
        """Write paragraphs; one that begins with \\b keeps its lines, the first as a title."""
        for part in re.split(r"\n\s*\n", text.strip("\n")):
            lines = [roff(line.strip()) for line in part.splitlines()]
            if part.lstrip(" ").startswith("\b"):
                title, *rest = lines[1:]
                block = "\n".join([".RS 4", ".nf", *rest, ".fi", ".RE"])
                self.write(f".PP\n{title}\n{block}\n")
            else:
                self.write(f".PP\n{' '.join(lines)}\n")

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write names, each with its text below."""
        for name, text in rows:
            self.write(f".TP\n.B {roff(name)}\n{roff(' '.join(text.split()))}\n")


def roff(text: str) -> str:
    """Return text whose marks are read as they stand; code in backquotes is bold."""
    text = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq").replace("^", r"\(ha")
    text = text.replace("~", r"\(ti")
    text = re.sub(r"`([^`]*)`", r"\\fB\1\\fR", text)
    return rf"\&{text}" if text.startswith(".") else text


def page(name: str, command: click.Command, summary: str) -> str:
    """Return the page of a command, which is called `name`."""
    formatter = ManFormatter()
    context = click.Context(command, info_name=name, help_option_names=["-h", "--help"])
    command.format_help(context, formatter)
    file = name.replace(" ", "-")
    head = f'.\\" Written by python -m tools.man_pages.\n.TH {roff(file).upper()} 1 "" '
    head += f'"hiddenstate {__version__}" "User Commands"\n.nh\n.ds AD l\n.ad l\n'
    title = f".SH NAME\n{roff(file)} \\- {roff(summary)}\n"
    return head + title + formatter.getvalue()


def exit_status(text: str) -> str:
    """Return the section of codes at exit, from the table of docs/cli.md."""
    section = text.partition("\n## Exit codes\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([\d, ]+) \| (.*) \|$", section, flags=re.MULTILINE)
    formatter = ManFormatter()
    formatter.write_heading("Exit status")
    formatter.write_dl([(codes, means.replace(r"\|", "|") + ".") for codes, means in rows])
    return formatter.getvalue()


def also(names: list[str]) -> str:
    """Return the section that refers to other pages."""
    lines = [f".BR {roff(name)} (1)" for name in names]
    return ".SH SEE ALSO\n" + " ,\n".join(lines) + f"\n.PP\n{ADDRESS}\n"


def files() -> Iterator[tuple[Path, str]]:
    """Yield the path and the text of each page."""
    status = exit_status((ROOT / "docs" / "cli.md").read_text("utf-8"))
    summary = "train small recurrent networks and watch their hidden states form"
    names = [f"hiddenstate-{name}" for name in COMMANDS]
    yield FOLDER / "hiddenstate.1", page("hiddenstate", cli, summary) + status + also(names)
    for name, (_, text) in COMMANDS.items():
        command = cli.get_command(click.Context(cli), name)
        assert command is not None, name
        summary = text[0].lower() + text[1:].removesuffix(".")
        made = page(f"hiddenstate {name}", command, summary)
        yield FOLDER / f"hiddenstate-{name}.1", made + also(["hiddenstate"])


def main() -> None:
    """Write all pages and remove those of commands that are no more."""
    FOLDER.mkdir(exist_ok=True)
    made = dict(files())
    for path in {*FOLDER.glob("*.1")} - made.keys():
        path.unlink()
    for path, text in made.items():
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
