"""Runs that are followed have one small figure."""

import io

import pytest
from PIL import Image


@pytest.fixture(scope="session")
def picture():
    data = io.BytesIO()
    Image.new("RGB", (3, 2)).save(data, "png")
    return data.getvalue()


@pytest.fixture
def one_figure(monkeypatch, picture):
    monkeypatch.setattr("hiddenstate.views.save.draw_figures", lambda run: [("learning", picture)])
