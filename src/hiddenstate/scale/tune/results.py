"""What a study found: its best trials, the importance of its options, and its figures."""

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hiddenstate.errors import DataError, count
from hiddenstate.scale.tune.ledger import RUNS, SECONDS, WHY, Slot
from hiddenstate.scale.tune.settings import Settings
from hiddenstate.scale.tune.suggest import study_of
from hiddenstate.system.atomic_file import make_folder, write_atomically

LISTED = 10
"""Trials in the table of the best."""

TREES, FEWEST_TREES, PLENTY = 64, 8, 100
"""Trees of the forest that importances follow from, of up to `PLENTY` trials and of very many: of
1,000 trials, 64 trees would take longer than a hundred small trials."""


def none_complete(slots: Sequence[Slot]) -> DataError:
    """Return the error of a search without a complete trial, with why one failed."""
    why = next((slot.attribute("why") for slot in slots if slot.state == "failed"), "")
    return DataError(f"no trial is complete{f'; one failed: {why}' if why else ''}")


def ranked(slots: Sequence[Slot]) -> list[Slot]:
    """Return the complete trials, the best first; of equal ones, the first."""
    done = [slot for slot in slots if slot.state == "done"]
    return sorted(done, key=lambda slot: (slot.value, slot.number))


def best_of(slots: Sequence[Slot]) -> Slot | None:
    """Return the best complete trial, if there is one; of equal ones, the first."""
    done = (slot for slot in slots if slot.state == "done")
    return min(done, key=lambda slot: (slot.value, slot.number), default=None)


def counts(slots: Sequence[Slot]) -> dict[str, int]:
    """Return how many trials are done, pruned, failed and unfinished."""
    states = [slot.state for slot in slots]
    own = {state: states.count(state) for state in ("done", "pruned", "failed")}
    return {**own, "unfinished": len(states) - sum(own.values())}


def counts_line(slots: Sequence[Slot]) -> str:
    """Return the counts in words: `12 trials: 7 complete, 5 pruned`."""
    return f"{count(len(slots), 'trial')}: {_states_in_words(slots)}"


def _states_in_words(slots: Sequence[Slot]) -> str:
    words = {"done": "complete", "pruned": "pruned", "failed": "failed", "unfinished": "unfinished"}
    return ", ".join(f"{n} {words[state]}" for state, n in counts(slots).items() if n)


def row_of(slot: Slot, settings: Settings) -> dict[str, Any]:
    """Return a trial for tables and JSON."""
    return {
        "trial": slot.number,
        "state": slot.state,
        "valid_loss": slot.value,
        **{name: slot.params.get(name) for name in settings.space.names},
        "epochs": slot.attribute("epochs"),
        "best_epoch": slot.attribute("best_epoch"),
        "seconds": slot.attribute(SECONDS),
        "runs": slot.attribute(RUNS, []),
        **({"why": slot.attribute(WHY)} if slot.state == "failed" else {}),
    }


def importances(settings: Settings, slots: Sequence[Slot]) -> list[tuple[str, float]]:
    """Return the importance of each option, the largest first; nothing if trials are too few."""
    import optuna

    done = ranked(slots)
    if len(done) < 2 or len({slot.value for slot in done}) < 2:
        return []
    study = study_of(settings.space, slots, "random", settings.pruner, settings.seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            trees = max(FEWEST_TREES, min(TREES, TREES * PLENTY // len(done)))
            evaluator = optuna.importance.FanovaImportanceEvaluator(
                n_trees=trees, seed=settings.seed % 2**32
            )
            shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
        except (ValueError, RuntimeError, ImportError):  # all trials are alike
            return []
    return [(name, float(share)) for name, share in shares.items()]


def save_figures(
    settings: Settings, slots: Sequence[Slot], folder: Path, shares: Sequence[tuple[str, float]]
) -> list[Path]:
    """Draw the history and the importance of options into `figures/`; return the paths."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from hiddenstate.views import style
    from hiddenstate.views.figures.search import Point, search_history, search_importance

    points = [
        Point(slot.number, slot.value, slot.state == "pruned")
        for slot in slots
        if slot.value is not None
    ]
    if not points:
        return []
    note = f"{settings.name}: {_states_in_words(slots)}"
    with style.theme("light"):
        figures = {"history": search_history(points, note)}
        if shares:
            figures["importance"] = search_importance(shares, settings.name)
        make_folder(folder / "figures")
        paths = []
        for name, figure in figures.items():
            FigureCanvasAgg(figure)
            data = io.BytesIO()
            figure.savefig(data, format="png")
            paths.append(folder / "figures" / f"{name}.png")
            write_atomically(paths[-1], data.getvalue(), durable=False)
    return paths
