"""The command publish: writes a run as the Hugging Face Hub expects models and pages."""

import json
import re
import shlex
from pathlib import Path

import click

from hiddenstate.cli.options import FilePath, GroupedCommand, debug_option, runs_dir_option
from hiddenstate.cli.output import note, say
from hiddenstate.cli.run_argument import named_run, run_argument
from hiddenstate.errors import HiddenstateError, OptionError, printable

SPACE = """---
title: {title}
sdk: static
app_file: index.html
pinned: false
short_description: A trained network, computed in the page
---

One page with the model inside, written by [hiddenstate](https://github.com/hiddenstate/hiddenstate):
everything is computed in your browser, and nothing is sent.
"""
"""The README of a static Space (Hub documentation, "Spaces configuration reference")."""


@click.command(
    cls=GroupedCommand,
    help="Write a folder to upload to the Hugging Face Hub.\n\nFOLDER/model gets the model card, "
    "the model and its settings; FOLDER/space the exported page as a static Space. Nothing is "
    "sent: the commands that upload them are printed.\n\n\b\nExample:\n"
    "  hiddenstate publish classify-1 --to digits",
)
@run_argument
@click.option(
    "--to",
    "folder",
    type=FilePath(path_type=Path, file_okay=False),
    required=True,
    metavar="FOLDER",
    help="The folder to write.",
)
@click.option("--force", is_flag=True, help="Replace files that exist.")
@runs_dir_option
@debug_option
def publish(run: str, folder: Path, force: bool, runs_dir: Path) -> None:
    """The command `publish`."""
    from hiddenstate.export import export_model
    from hiddenstate.report.model_card import card_text
    from hiddenstate.system.atomic_file import make_folder, write_atomically

    chosen = named_run(run, runs_dir)
    model = chosen.model()
    if folder.is_dir() and any(folder.iterdir()) and not force:
        raise OptionError(
            f"--to: {printable(folder)} is not empty; name another folder, or replace with --force"
        )
    name = re.sub(r"[^\w.-]+", "-", chosen.path.resolve().name).strip("-.") or "model"
    parts = {"model": folder / "model", "space": folder / "space"}
    make_folder(parts["model"])
    files = {
        name: (chosen.path / name).read_bytes() for name in ("model.safetensors", "config.json")
    }
    files["README.md"] = card_text(chosen, file="model.safetensors").encode()
    for each, content in files.items():
        write_atomically(parts["model"] / each, content)
    say(f"{printable(parts['model'])}: model card, model, settings")
    try:
        make_folder(parts["space"])
        export_model(model, "html", parts["space"] / "index.html", None, force, chosen)
        # A JSON string is one of YAML, whatever is in it.
        text = SPACE.format(title=json.dumps(name))
        write_atomically(parts["space"] / "README.md", text.encode())
        say(f"{printable(parts['space'])}: the exported page as a static Space")
    except HiddenstateError as error:
        if not any(parts["space"].iterdir()):
            parts["space"].rmdir()
        del parts["space"]
        note(f"no Space: {error}")
    say("upload them with (pip install huggingface_hub; hf auth login):")
    say(f"  hf upload USER/{name} {shlex.quote(str(parts['model']))}")
    if "space" in parts:
        of_space = f"USER/{name}-page --repo-type space"
        say(f"  hf repos create {of_space} --sdk static --exist-ok")
        say(f"  hf upload {of_space} {shlex.quote(str(parts['space']))}")
