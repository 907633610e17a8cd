"""Completion by the shell, and hints to options that have other names elsewhere."""

import click
import pytest

from hiddenstate.cli import COMMANDS
from hiddenstate.cli import cli as commands
from hiddenstate.cli.synonyms import SYNONYMS
from tests.conftest import QUIET, Cli


@pytest.fixture(autouse=True)
def printed_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some versions of click print bytes, which a stdout of text does not take."""

    def echo(message: str | bytes, nl: bool = True) -> None:
        print(message if isinstance(message, str) else message.decode())

    monkeypatch.setattr("click.shell_completion.echo", echo)


@pytest.fixture
def completed(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    """What completes the last of some words, as bash asks for it."""

    def ask(*words: str) -> list[str]:
        monkeypatch.setenv("_HIDDENSTATE_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", " ".join(("hiddenstate", *words)))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        answer = cli()
        assert (answer.code, answer.err) == (0, "")
        monkeypatch.delenv("_HIDDENSTATE_COMPLETE")
        return answer.out.split()

    return ask


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_its_script(cli: Cli, monkeypatch: pytest.MonkeyPatch, shell: str) -> None:
    monkeypatch.setenv("_HIDDENSTATE_COMPLETE", f"{shell}_source")
    answer = cli()
    assert answer.code == 0
    assert "_hiddenstate_completion" in answer.out
    assert f"_HIDDENSTATE_COMPLETE={shell}_complete" in answer.out


def test_another_shell_is_refused(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_HIDDENSTATE_COMPLETE", "cmd_source")
    answer = cli()
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("error: _HIDDENSTATE_COMPLETE: expected bash_source, ")


def test_commands_are_completed_and_none_is_imported(
    completed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hiddenstate.cli.import_module", None)
    assert completed("") == [f"plain,{name}" for name in COMMANDS]
    assert completed("fo") == ["plain,forecast"]
    assert completed("--ver") == ["plain,--version"]


def test_options_choices_runs_and_files_are_completed(cli: Cli, completed, tiny_idx) -> None:
    assert completed("predict", "--thr") == ["plain,--threads"]
    assert completed("classify", "--cell", "g") == ["plain,gru"]
    assert completed("forecast", "--format", "p") == ["plain,parquet"]
    assert completed("classify", "--test", "d") == ["file,d"]
    assert completed("inspect", "d") == ["file,d"]
    assert completed("nothing", "--x") == []
    assert cli("classify", tiny_idx, *QUIET, "--max-steps", 1, "--name", "mine").code == 0
    assert completed("predict", "m") == ["plain,mine"]
    assert completed("predict", "mine", "d") == ["file,d"]


def test_each_synonym_names_an_option_of_some_command() -> None:
    context = click.Context(commands)
    own = set()
    for name in COMMANDS:
        for param in commands.get_command(context, name).params:
            own |= {*param.opts, *param.secondary_opts}
    assert set(SYNONYMS.values()) <= own
    assert not {f"--{synonym}" for synonym in SYNONYMS} & own


@pytest.mark.parametrize(
    ("command", "given", "meant"),
    [
        ("classify", "--sep", "--delimiter"),
        ("inspect", "--sep", "--delimiter"),
        ("regress", "--learning-rate", "--lr"),
        ("regress", "--Learning_Rate", "--lr"),
        ("autoencode", "--latent-dim", "--code-size"),
        ("classify", "--random-state", "--seed"),
        ("forecast", "--prediction-length", "--horizon"),
        ("tune", "--num-layers", "--layers"),
    ],
)
def test_a_name_of_another_program_is_understood(
    cli: Cli, command: str, given: str, meant: str
) -> None:
    answer = cli(command, "x.csv", given, "1")
    assert answer.code == 2
    assert answer.err == f"error: no such option {given}; did you mean {meant}?\n"


def test_export_without_a_target_lists_them(cli: Cli) -> None:
    answer = cli("export", "last")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        "error: missing option '--to'; expected one of c, html, nam, onnx, python, rtneural, "
        "triton\n"
    )
