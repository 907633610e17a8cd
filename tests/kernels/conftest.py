"""What the kernels are asked to compute."""

from typing import Any

import pytest


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The calls of the kernels in this test."""
    asked: list[Any] = []
    from hiddenstate import nn
    from hiddenstate.kernels import autograd

    def run(plan: Any, tensors: Any) -> Any:
        asked.append(plan)
        return autograd.run(plan, tensors)

    monkeypatch.setattr(nn, "run", run)
    return asked
