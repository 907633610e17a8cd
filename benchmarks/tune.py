"""Measures how well `hiddenstate tune` searches, at equal numbers of trials and of updates.

    python benchmarks/tune.py [--seeds 20] [--trials 24] [NAME ...]

Five searches of small networks, on ten small data sets, with seeds of their own:

- `random`: random search, every trial trained to its end; its updates are the budget;
- `tpe`: the same number of trials by TPE, without pruning, as `tune` does it by default;
- `median`: TPE that ends trials worse than the median;
- `random, pruned`: the trials of `random`, with Hyperband;
- `hyperband`: TPE with Hyperband, with three times as many trials, cut off at the number of trials
  of the others, or at the budget: what a user has who lets it run for as long.

What a search found is the least validation loss of a trial that was trained to its end. The
validation rows of a data set are the same in all searches. Updates of pruned trials count too.
Intervals are of 95 %, by the bootstrap over seeds.

The parameters and the trials that end early are chosen by the functions of `tune`, one trial after
another, and each trial is trained with the config of `tune`; run folders and a database, which
decide nothing, are left out. With --check, a search of each data set also runs as the command
`tune`, which must give the same trials.

Three files are part of the packages aeon and statsmodels, which the extra `series` installs, and of
scikit-learn; the others are made by formulas.
"""

import argparse
import contextlib
import json
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from recipes import run
from tune_sets import Task, tasks

from hiddenstate.engines.choose import make_engine
from hiddenstate.errors import DivergedError
from hiddenstate.jobs import make_job
from hiddenstate.runs import Run
from hiddenstate.runs.events import ValidationEvent
from hiddenstate.scale.tune.ledger import PARAMS, SLOT, WHY, Slot
from hiddenstate.scale.tune.settings import Settings, StudyData, make_settings
from hiddenstate.scale.tune.space import make_space
from hiddenstate.scale.tune.suggest import choose, is_pruned, rungs_of
from hiddenstate.training.initial_state import starting_state
from hiddenstate.training.trainer import Callback, Trainer

MORE = 3
"""The trials of the search with Hyperband, as a multiple of the others'."""

ARMS = {
    "random": ("random", "none", 1),
    "tpe": ("tpe", "none", 1),
    "median": ("tpe", "median", 1),
    "random, pruned": ("random", "hyperband", 1),
    "hyperband": ("tpe", "hyperband", MORE),
}
"""Sampler and pruner of each search, and its trials as a multiple."""


@dataclass(frozen=True)
class Trial:
    """What a trial took and found.

    Parameters
    ----------
    updates : int
        Updates made, also if it ended early.
    loss : float or None
        Its validation loss; None if it ended early.
    """

    updates: int
    loss: float | None


Studies = dict[str, list[Trial]]
"""The trials of each search, by its name."""


def study_of(
    task: Task, sampler: str, pruner: str, trials: int, epochs: int, seed: int
) -> tuple[Settings, StudyData]:
    """Return the settings of a search, and its data."""
    values = {**task.options, "epochs": epochs, "seed": seed, "split_seed": 0}
    return make_settings(
        "study",
        task.job,
        values,
        n_trials=trials,
        sampler=sampler,
        pruner=pruner,
        make_space=lambda job: make_space(job, task.space),
    )


# --- one trial after another


class Watch(Callback):
    """Notes the validation losses, and asks after each epoch whether the trial ends."""

    def __init__(self, ends: Callable[[list[float]], bool]) -> None:
        self.losses: list[float] = []
        self.ends, self.ended = ends, False

    def on_valid(self, trainer: Trainer, event: ValidationEvent) -> None:
        self.losses.append(event["valid_loss"])
        self.ended = self.ended or self.ends(self.losses)

    def __call__(self) -> bool:
        return self.ended


@dataclass
class Laboratory:
    """Trains trials of one seed; of equal parameters only once, as the result is the same."""

    known: dict[str, tuple[list[float], int]] = field(default_factory=dict)

    def train(
        self,
        settings: Settings,
        data: StudyData,
        params: Mapping[str, Any],
        ends: Callable[[list[float]], bool],
    ) -> tuple[list[float], int, bool]:
        """Return the validation losses, the updates, and whether the trial was ended early."""
        epochs, key = settings.config.training.epochs, json.dumps(params, sort_keys=True)
        if key in self.known:
            losses, updates = self.known[key]
            for epoch in range(1, len(losses) + 1):
                if ends(losses[:epoch]):
                    return losses[:epoch], updates * epoch // epochs, True
            return losses, updates, False
        config = settings.trial_config(params, 0, threads=1)
        job = make_job(config, data.prepared(config))
        watch = Watch(lambda losses: len(losses) == epochs or ends(losses))
        trainer = Trainer(
            job, make_engine(job.task(), starting_state(job)), [watch], 0, None, watch
        )
        with contextlib.suppress(DivergedError):
            trainer.train()
        if len(watch.losses) == epochs:
            self.known[key] = watch.losses, trainer.step
        return watch.losses, trainer.step, len(watch.losses) < epochs


class Search:
    """A search without run folders.

    Parameters
    ----------
    task : Task
    arm : str
        A key of `ARMS`.
    trials, epochs, seed : int
    more : int, optional
        Multiplies `trials`; by default as `ARMS` says.
    """

    def __init__(
        self, task: Task, arm: str, trials: int, epochs: int, seed: int, more: int | None = None
    ) -> None:
        self.sampler, self.pruner, own = ARMS[arm]
        more = own if more is None else more
        self.settings, self.data = study_of(
            task, self.sampler, self.pruner, trials * more, epochs, seed
        )
        self.rungs = rungs_of(epochs)
        self.slots = [Slot(number) for number in range(self.settings.n_trials)]
        self._kept: dict[str, Any] = {}
        self._values: dict[int, float] = {}

    def run(self, lab: Laboratory) -> list[Trial]:
        """Return the trials in order."""
        return [self._trial(number, lab) for number in range(len(self.slots))]

    def _trial(self, number: int, lab: Laboratory) -> Trial:
        settings = self.settings
        space, seed = settings.space, settings.seed
        params = choose(space, self.slots, number, self.sampler, self.pruner, seed)
        self._kept, self._values = {}, {}
        self._note(number, "RUNNING", params)
        ends = partial(self._ends, number, params)
        losses, updates, early = lab.train(settings, self.data, params, ends)
        state = ("PRUNED" if early else "COMPLETE") if losses else "FAIL"
        value = min(losses) if losses else None
        self._note(number, state, params, value)
        return Trial(updates, None if early else value)

    def _ends(self, number: int, params: Mapping[str, Any], losses: list[float]) -> bool:
        """Return whether a trial ends after as many epochs as it has `losses`."""
        if len(losses) not in self.rungs:
            return False
        self._values[self.rungs[len(losses)]] = min(losses)
        self._note(number, "RUNNING", params)
        space, seed = self.settings.space, self.settings.seed
        pruned, new = is_pruned(space, self.slots, number, self.pruner, seed, self._values)
        self._kept.update(new)
        return pruned

    def _note(
        self, number: int, state: str, params: Mapping[str, Any], value: float | None = None
    ) -> None:
        from optuna.trial import TrialState, create_trial

        why = {WHY: "diverged"} if state == "FAIL" else {}
        attempt = create_trial(
            state=TrialState[state],
            value=value,
            params=dict(params),
            distributions=self.settings.space.distributions(),
            user_attrs={SLOT: number, PARAMS: dict(params), **why},
            system_attrs=dict(self._kept),
            intermediate_values=dict(self._values),
        )
        self.slots[number] = Slot(number, (attempt,))


# --- the command itself


def run_command(task: Task, trials: int, epochs: int, seed: int, folder: Path) -> list[Trial]:
    """Run `hiddenstate tune` and return its trials in order."""
    space = folder / "space.toml"
    space.write_text("".join(f"{name} = {_toml(spec)}\n" for name, spec in task.space.items()))
    words: list[object] = [task.options["data"], "--job", task.job, "--space", space]
    for name, value in {**task.options, "epochs": epochs, "seed": seed, "split_seed": 0}.items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        elif name != "data":
            words += [f"--{option}", value]
    done = run("tune", *words, "--trials", trials, "--runs-dir", folder / "runs", "--json")
    found = []
    for each in sorted(done["trials"], key=lambda row: row["trial"]):
        steps = Run(Path(done["folder"]) / each["runs"][0]).history()[-1]["step"]
        found.append(Trial(steps, None if each["state"] == "pruned" else each["valid_loss"]))
    return found


def _toml(spec: Any) -> str:
    """Return a range or choices as TOML, which writes lists as JSON does."""
    if not isinstance(spec, dict):
        return json.dumps(spec)
    return "{" + ", ".join(f"{key} = {json.dumps(value)}" for key, value in spec.items()) + "}"


def check(name: str, task: Task, trials: int, epochs: int) -> None:
    """Compare a search here with that of the command; end with an error if they differ."""
    ours = Search(task, "tpe", trials, epochs, 0, 1).run(Laboratory())
    with tempfile.TemporaryDirectory() as folder:
        theirs = run_command(task, trials, epochs, 0, Path(folder))
    if ours != theirs:
        raise SystemExit(f"{name}: not the trials of the command:\n{ours}\n{theirs}")
    print(f"{name}: {len(ours)} trials as of the command, {updates(ours):,} updates\n")


# --- what was found


def best(trials: Sequence[Trial], budget: float = float("inf")) -> float:
    """Return the least loss of the trials that ended within `budget` updates."""
    found, spent = float("inf"), 0
    for trial in trials:
        spent += trial.updates
        if spent > budget:
            break
        if trial.loss is not None:
            found = min(found, trial.loss)
    return found


def spent_until(trials: Sequence[Trial], loss: float) -> float:
    """Return the updates until a search found `loss` or less; infinite if it never did."""
    spent = 0
    for trial in trials:
        spent += trial.updates
        if trial.loss is not None and trial.loss <= loss:
            return spent
    return float("inf")


def updates(trials: Sequence[Trial]) -> int:
    """Return the updates of a search."""
    return sum(trial.updates for trial in trials)


def won(one: float, other: float) -> float:
    """Return 1 if `one` is the lower loss, 0 if it is the higher, and half for a draw."""
    return 0.5 if one == other else float(one < other)


def interval(values: Sequence[float], of: Callable[[Any], Any] = np.mean) -> tuple[float, float]:
    """Return the ends of the interval of a statistic, by the bootstrap."""
    random = np.random.default_rng(0)
    drawn = random.choice(np.asarray(values), (2000, len(values)))
    low, high = np.quantile([of(each) for each in drawn], (0.025, 0.975), method="nearest")
    return float(low), float(high)


def cell(values: Sequence[float], of: Callable[[Any], Any] = np.mean) -> str:
    """Return a statistic with its interval."""
    low, high = interval(values, of)
    return f"{of(values):.2f} ({low:.2f} to {high:.2f})"


def figures(studies: Sequence[Studies]) -> dict[str, list[float]]:
    """Return what is compared, for each seed of a data set."""
    lines: dict[str, list[float]] = {}
    for study in studies:
        budget = updates(study["random"])
        of_random, of_tpe = best(study["random"]), best(study["tpe"])
        halving, n_trials = study["hyperband"], len(study["random"])
        row = {
            "tpe": won(of_tpe, of_random),
            "median": won(best(study["median"]), of_random),
            "hyperband": won(best(halving[:n_trials]), of_random),
            "updates of tpe": updates(study["tpe"]) / budget,
            "updates of median": updates(study["median"]) / budget,
            "updates of hyperband": updates(halving[:n_trials]) / budget,
            "tpe beats random": won(best(study["tpe"], budget), of_random),
            "hyperband beats random": won(best(halving, budget), of_random),
            "hyperband beats tpe": won(best(halving, updates(study["tpe"])), of_tpe),
            "share of updates": updates(study["random, pruned"]) / budget,
            "same best": float(best(study["random, pruned"]) <= of_random),
            "until the best of random": spent_until(halving, of_random) / budget,
            "until the best of tpe": spent_until(halving, of_tpe) / updates(study["tpe"]),
        }
        for name, value in row.items():
            lines.setdefault(name, []).append(value)
    return lines


def print_tables(results: dict[str, list[Studies]]) -> None:
    """Print the table of wins at equal updates, and that of the updates that pruning takes."""
    per_set = {name: figures(studies) for name, studies in results.items()}
    together = {
        key: [value for rows in per_set.values() for value in rows[key]]
        for key in next(iter(per_set.values()))
    }
    everything = {**per_set, "together": together}
    against = ("tpe", "median", "hyperband")
    trials = (*against, *(f"updates of {arm}" for arm in against))
    wins = ("tpe beats random", "hyperband beats random", "hyperband beats tpe")
    for what, keys in (("trials as random search", trials), ("updates", wins)):
        print(f"\nShare of seeds with the lower loss at equal {what}, a draw counted as half\n")
        print(f"| set | {' | '.join(keys)} |\n|" + " --- |" * (len(keys) + 1))
        for name, rows in everything.items():
            print(f"| {name} | {' | '.join(cell(rows[key]) for key in keys)} |")
    print("\nUpdates with pruning, as a share of those without\n")
    print("| set | the same trials | of these, best kept | median until the best of random |")
    print("|" + " --- |" * 4)
    for name, rows in everything.items():
        share = cell(rows["share of updates"])
        kept = f"{sum(rows['same best']):.0f} of {len(rows['same best'])}"
        until = cell(rows["until the best of random"], median)
        print(f"| {name} | {share} | {kept} | {until} |")
    print("\nHyperband until it found what `tpe` found without pruning\n")
    print("| set | median share of updates | within half | within all |\n|" + " --- |" * 4)
    for name, rows in everything.items():
        shares = rows["until the best of tpe"]
        within = [f"{sum(s <= limit for s in shares)} of {len(shares)}" for limit in (0.5, 1)]
        print(f"| {name} | {cell(shares, median)} | {' | '.join(within)} |")
    print("\nMedian of the best validation losses\n")
    arms = list(next(iter(results.values()))[0])
    print(f"| set | {' | '.join(arms)} at the budget |\n|" + " --- |" * (len(arms) + 1))
    for name, studies in results.items():
        found = [
            statistics.median(best(each[arm], updates(each["random"])) for each in studies)
            for arm in arms
        ]
        print(f"| {name} | {' | '.join(f'{value:.4g}' for value in found)} |")


def median(values: Sequence[float]) -> float:
    """Return the middle value, which may be infinite."""
    return float(sorted(values)[len(values) // 2])


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=27)
    parser.add_argument("--keep", type=Path, help="JSON file of the trials, continued if it exists")
    parser.add_argument("--check", action="store_true", help="run the command too, and compare")
    parser.add_argument("names", nargs="*", help="data sets to measure; all by default")
    parser.add_argument("--toy", action="store_true", help="two trials, to test the script")
    return parser


def measure(task: Task, trials: int, epochs: int, seed: int) -> Studies:
    """Run the searches of a data set with one seed."""
    lab = Laboratory()
    return {arm: Search(task, arm, trials, epochs, seed).run(lab) for arm in ARMS}


def main(words: Sequence[str] | None = None) -> None:
    """Measure the selected data sets and print the tables."""
    from optuna.logging import CRITICAL, set_verbosity

    set_verbosity(CRITICAL)
    args = arguments().parse_args(words)
    seeds, trials, epochs = (1, 2, 2) if args.toy else (args.seeds, args.trials, args.epochs)
    kept: dict[str, Any] = {}
    if args.keep and args.keep.exists():
        kept = json.loads(args.keep.read_text())
    results: dict[str, list[Studies]] = {}
    with tempfile.TemporaryDirectory() as folder:
        selected = tasks(Path(folder))
        for name in (args.names or selected) if args.check else ():
            check(name, selected[name], trials, epochs)
        for seed in range(seeds):
            for name in args.names or selected:
                key = f"{name} {seed} {trials} {epochs}"
                if key not in kept:
                    studies = measure(selected[name], trials, epochs, seed)
                    kept[key] = {
                        arm: [(trial.updates, trial.loss) for trial in found]
                        for arm, found in studies.items()
                    }
                    if args.keep:
                        args.keep.write_text(json.dumps(kept))
                study = {arm: [Trial(*each) for each in rows] for arm, rows in kept[key].items()}
                results.setdefault(name, []).append(study)
    print_tables(results)


if __name__ == "__main__":
    main()
