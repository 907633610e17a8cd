"""The command publish: folders as the Hugging Face Hub expects them."""

import json
from importlib.util import find_spec

import pytest

from hiddenstate import load
from tests.conftest import Cli, Refuse


def test_a_model_and_its_page_are_written_and_nothing_is_lost(
    cli: Cli, refuse: Refuse, run_of, tmp_path
) -> None:
    run = run_of("classify")
    answer = cli("publish", run.name, "--to", "hub")
    assert (answer.code, answer.err) == (0, "")
    hub = tmp_path / "hub"
    assert answer.out.splitlines()[-3:] == [
        f"  hf upload USER/{run.name} hub/model",
        f"  hf repos create USER/{run.name}-page --repo-type space --sdk static --exist-ok",
        f"  hf upload USER/{run.name}-page --repo-type space hub/space",
    ]
    card = (hub / "model" / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: hiddenstate\n")
    assert "load('model.safetensors')" in card
    assert str(run.path) not in card
    assert f"runs/{run.name}" not in card
    assert list(load(hub / "model" / "model.safetensors").classes_) == list(load(run).classes_)
    head = (hub / "space" / "README.md").read_text().split("---\n")[1]
    assert "sdk: static\n" in head
    assert f"title: {json.dumps(run.name)}\n" in head
    page = (hub / "space" / "index.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "connect-src" not in page
    (hub / "model" / "own.txt").write_text("own")
    assert "hub is not empty" in refuse(2, "publish", run.name, "--to", "hub")
    assert cli("publish", run.name, "--to", "hub", "--force").code == 0
    assert (hub / "model" / "own.txt").read_text() == "own"
    model = hub / "model" / "model.safetensors"
    assert "a model file, which has no history" in refuse(2, "publish", model, "--to", "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.skipif(not find_spec("huggingface_hub"), reason="huggingface_hub is not installed")
def test_the_hub_reads_the_heads_of_both(cli: Cli, run_of, tmp_path) -> None:
    from huggingface_hub import ModelCard, RepoCard

    run_of("regress")
    assert cli("publish", "last", "--to", "hub").code == 0
    data = ModelCard.load(tmp_path / "hub" / "model" / "README.md").data
    assert data.library_name == "hiddenstate"
    assert "time-series" in data.tags
    assert RepoCard.load(tmp_path / "hub" / "space" / "README.md").data.sdk == "static"


def test_a_model_without_a_page_is_published_without_a_space(cli: Cli, run_of, monkeypatch) -> None:
    from hiddenstate.errors import OptionError

    def refused(*arguments: object) -> None:
        raise OptionError("this model has no page")

    run = run_of("autoencode")
    monkeypatch.setattr("hiddenstate.export.export_model", refused)
    answer = cli("publish", run.name, "--to", "hub")
    assert answer.code == 0
    assert "no Space: this model has no page" in answer.err
    assert "space" not in answer.out
