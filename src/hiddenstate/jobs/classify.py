"""classify: a recurrent net reads each row step by step and names its class."""

import math
from functools import cached_property

import numpy as np

from hiddenstate.data import Rows
from hiddenstate.engines import Engine
from hiddenstate.engines.turn import answers_to_folds
from hiddenstate.errors import OptionError
from hiddenstate.inference import score_intervals
from hiddenstate.inference.hidden_states import PREFIXED, after_prefixes, prefixes, reads_on
from hiddenstate.jobs.base import Evaluation, Job, of_members
from hiddenstate.jobs.companion_share import nets_suffice, with_share
from hiddenstate.jobs.path_share import with_factor
from hiddenstate.jobs.snapshot_arrays import JobSnapshots, TrainingOutputs
from hiddenstate.jobs.snapshot_limits import (
    CLASSES_CONFUSED,
    FOLLOWED_KEPT,
    REREAD_KEPT,
    REREAD_STEPS,
    ROWS_FOLLOWED,
    STEPS_KEPT,
    UNITS_KEPT,
    WORST_BYTES,
    WORST_KEPT,
    affordable,
    heard,
    in_own_units,
    n_steps,
    rows_to_show,
    thinned,
)
from hiddenstate.jobs.untaught import right_of_others
from hiddenstate.metrics import baselines, curves
from hiddenstate.metrics.comparison import best_baseline
from hiddenstate.metrics.scores import accuracy, confusion, cross_entropy
from hiddenstate.models.companions import KINDS, Fit, FittedCompanion
from hiddenstate.models.net import Net
from hiddenstate.models.streaming import MOST_WEIGHTS
from hiddenstate.program.equations import softmax
from hiddenstate.runs.class_arrays import NetworkAlone
from hiddenstate.system.cancellation import raise_if_cancelled
from hiddenstate.system.typing import Array

OF_NETWORK = {name.removeprefix("net_") for name in NetworkAlone.__annotations__}
"""Names of the arrays that are also kept of the network alone, where it does not answer alone."""


class ClassifyJob(Job):
    """By default an LSTM 28->64, then Linear 64->10 at the last step, with cross-entropy."""

    def _make_net(self) -> Net:
        n_classes = len(self.dataset.require_classes())
        n_rows = len(self.dataset.train)
        for kind in self.beside:
            name = kind.words.name
            if kind.most_rows is not None and n_rows > kind.most_rows:
                raise OptionError(
                    f"--{name}: are fitted on at most {kind.most_rows:,} training rows, not "
                    f"{n_rows:,}; use --no-{name}"
                )
        net = Net(self.config.job, self.config.model, self.dataset.X.shape[2], n_classes)
        n = net.n_parameters()
        if self.config.training.streamable and n > MOST_WEIGHTS:
            raise OptionError(
                f"--streamable: the net has {n:,} weights, expected at most {MOST_WEIGHTS:,}; "
                "choose smaller --hidden-size, --stem-channels or --stem-kernels, or fewer columns"
            )
        return net

    @cached_property
    def _fits(self) -> dict[type[FittedCompanion], Fit[FittedCompanion]]:
        return {}

    def fit(self, kind: type[FittedCompanion]) -> Fit[FittedCompanion]:
        """Return a companion that is fitted on the training rows, once."""
        if kind not in self._fits:
            training, train = self.config.training, self.dataset.train
            fit = kind.fit(train, self.net.n_outputs, training.seed, training.threads)
            self._fits[kind] = fit
        return self._fits[kind]

    def loss(self, engine: Engine, rows: Rows) -> float:
        """Return the cross-entropy."""
        return cross_entropy(self.predict(engine, rows), rows.require_targets())

    def evaluate(self, engine: Engine) -> Evaluation:
        """Compute the accuracy of the net on the first test rows, and the arrays of `_judge`."""
        test, n = self.dataset.test, self.config.display.n_evaluated
        if n == 0 or test is None or not len(test):
            return Evaluation()
        test = test.take(slice(0, n))
        return self._judge(self.predict(engine, test), test)

    def finish(self, engine: Engine, recent: list[float]) -> Evaluation:
        """Compute the accuracy on all test rows, and the mean of the last losses.

        The final arrays are those of the answers of the model, and also have the ROC and
        precision-recall curves. With companions beside the net, the share of the net is chosen
        first, and the accuracy is that of all together; or of the net, if it is preferred and
        suffices: its weights then have the factor of its logits. Where companions answer, there are
        also the arrays of the net alone, as `net_...`.
        """
        results = {"train_loss": float(np.mean(recent))}
        beside: tuple[FittedCompanion, ...] = ()
        if self.beside:
            raise_if_cancelled()
            beside, suffices = self._with_shares(engine)
            self.companions = () if suffices else beside
            if suffices:  # the net answers with the factor that it would have beside them
                first, *rest = beside
                scale = np.full(self.net.n_outputs, first.net_scale)
                engine.restore(with_factor(engine.export().params, scale))
                beside = (first.with_share(first.net_share, 1.0), *rest)
                if self.dataset.valid is not None:  # the factor changes it
                    results["valid_loss"] = self.validation_loss(engine)
            shares = (each.net_share for each in self.companions)
            results["net_share"] = math.prod(shares, start=1.0)
        arrays = ClassifySnapshots(self).final_arrays(engine)
        test = self.dataset.test
        if test is None or not len(test) or test.y is None:
            return Evaluation(results, arrays)
        outputs = self.answers(engine, test)
        judged = self._judge(outputs, test, last=True)
        results |= judged.figures
        arrays |= judged.arrays
        if self.beside:
            alone = self._judge(self.predict(engine, test), test)
            results["net_accuracy"] = alone.figures["test_accuracy"]
            if self.companions:
                arrays |= {f"net_{n}": a for n, a in alone.arrays.items() if n in OF_NETWORK}
        if beside and not self.companions:
            results["full_accuracy"] = accuracy(self.joined(outputs, test, beside), test.y)
        if self.net.n_members > 1:
            each = [p.predict(test.X, test.lengths) for _, p in self.members(engine)]
            results |= of_members([accuracy(outputs, test.y) for outputs in each])
        others: dict[str, Array] = {}
        if self.dataset.source != "bundled" and self.dataset.y is not None:
            always = baselines.most_frequent(self.dataset.y, self.net.n_outputs)
            others["baseline_accuracy"] = test.y == always
        others |= self._of_companions(test)
        results |= {name: float(np.mean(right)) for name, right in others.items()}
        best = others.get(best_baseline(self.config.job, results))
        right = outputs.argmax(axis=1) == test.y
        units = score_intervals.units_of_rows(self.dataset.transform, test)
        results |= score_intervals.of_correct("test_accuracy", units, right, best)
        for name, right in right_of_others(self, engine, test, others).items():
            results[name] = float(np.mean(right))
            results |= score_intervals.of_correct(name, units, right, None)
        return Evaluation(results, arrays)

    def _with_shares(self, engine: Engine) -> tuple[tuple[FittedCompanion, ...], bool]:
        """Return the companions with the share of what they join, from the rows that each member
        left out, and whether the net may answer without them."""
        train, folds, companions = self.dataset.train, self.folds, list[FittedCompanion]()
        assert folds is not None
        answers = engine.export().left_out
        if answers is None:  # no net has learned from its fold
            answers = answers_to_folds(engine, train, folds)
        chosen = np.flatnonzero((folds >= 0) & (folds < self.net.n_members))
        chosen = chosen[np.argsort(folds[chosen], kind="stable")]
        net = answers[chosen]
        y = net
        for kind in self.beside:
            companion, y = with_share(self.fit(kind), y, chosen, train)
            companions.append(companion)
        rows = train.take(chosen)
        suffices = self.config.training.prefer_nets and nets_suffice(
            net, y, rows.require_targets(), rows.weights, companions[0].net_scale
        )
        return tuple(companions), suffices

    def _of_companions(self, test: Rows) -> dict[str, Array]:
        """Return which rows companions label right alone, where they are beside the net, teach it
        or apply as a baseline."""
        train, is_own_data = self.dataset.train, self.dataset.source != "bundled"
        right = {}
        for kind in KINDS:
            counts = kind in self.beside or kind.words.name == self.config.training.teach
            if counts or (is_own_data and kind.is_baseline(train, test)):
                raise_if_cancelled()
                alone, threads = self.fit(kind).companion, self.config.training.threads
                outputs = alone.logits(test.X, test.lengths, threads)
                right[kind.words.result] = outputs.argmax(axis=1) == test.require_targets()
        return right

    def _judge(self, outputs: Array, rows: Rows, last: bool = False) -> Evaluation:
        """Compute the accuracy on `rows`, their confusion, the worst of them and calibration.

        Also compute the probabilities of some of them; with `last`, the curves of each class.
        """
        y, C = rows.y, self.net.n_outputs
        if y is None:
            return Evaluation()
        probabilities = softmax(outputs)
        chosen, chance = outputs.argmax(axis=1), probabilities[np.arange(len(y)), y]
        n = affordable(rows.X.shape[1:], rows.X.dtype.itemsize, WORST_BYTES, WORST_KEPT)
        worst = _worst(chance, chosen != y, n)
        arrays: dict[str, Array] = {
            "worst": worst,
            "worst_row": in_own_units(self.dataset, rows.take(worst)),
            "worst_label": y[worst],
            "worst_chosen": chosen[worst],
            "worst_chance": chance[worst],
        }
        if C <= CLASSES_CONFUSED:
            arrays["confusion"] = confusion(y, chosen, C).astype(np.int32)
        if last and C <= CLASSES_CONFUSED:
            of_classes = curves.one_against_rest(probabilities, y)._asdict()
            arrays |= {name: values.astype(np.float32) for name, values in of_classes.items()}
        arrays |= _calibration(probabilities, y) | self._followed(chosen == y, y, chance)
        return Evaluation({"test_accuracy": accuracy(outputs, y)}, arrays)

    def _followed(self, right: Array, y: Array, chance: Array) -> dict[str, Array]:
        """Return what is kept of the rows followed over training: the same ones at the end, when
        all test rows are evaluated, as before."""
        n = min(len(y), self.config.display.n_evaluated or len(y))
        rows = thinned(n, FOLLOWED_KEPT)
        return {
            "followed": rows,
            "followed_label": y[rows],
            "followed_right": right[rows].astype(np.int32),
            "followed_chance": chance[rows],
        }


def _worst(chance: Array, wrong: Array, n: int) -> Array:
    """Return the wrong rows among the `n` with the lowest chance; if there is none, the wrong rows
    with the lowest, and if no row is wrong, those `n` rows."""
    order = np.argsort(chance, kind="stable")
    low = order[:n]
    worst = low[wrong[low]]
    if not len(worst):
        worst = order[wrong[order]][:n]
    return worst if len(worst) else low


def _calibration(probabilities: Array, y: Array) -> dict[str, Array]:
    bins = curves.calibration(probabilities, y)
    return {
        "calibration_rows": bins.rows.astype(np.int32),
        "calibration_confidence": bins.confidence.astype(np.float32),
        "calibration_accuracy": bins.accuracy.astype(np.float32),
    }


class ClassifySnapshots(JobSnapshots):
    """Class probabilities of some rows, and how they form while a row is read."""

    def static_arrays(self) -> dict[str, Array]:
        """Return the example digits, the rows whose predictions are shown, the numbers of steps
        after which the states of the first of them are kept, and the score of one class."""
        rows = self._shown()
        arrays = self.examples() | {
            "shown": in_own_units(self.dataset, rows),
            "shown_label": rows.require_targets(),
            "read": self._ends(),
        }
        if (wave := heard(self.dataset, rows)) is not None:
            arrays["wave"] = wave
        train, test = self.dataset.train, self.dataset.test
        n = self.config.display.n_evaluated
        if n and test is not None and test.y is not None and len(test):
            share = baselines.majority(train.require_targets(), test.y[:n], self.job.net.n_outputs)
            arrays["majority_evaluated"] = np.array([share])
        return arrays

    def snapshot(self, engine: Engine, made: TrainingOutputs | None = None) -> dict[str, Array]:
        """Return the class probabilities of the shown rows; of the first of them the hidden state
        and the probabilities after each part that was read, as of a row that ends there."""
        rows = self._shown()
        if not len(rows):
            return {}
        arrays = {"probability": softmax(self.job.predict(engine, rows))}
        states, outputs, eigenvalues = self._after_parts(engine)
        arrays["hidden"] = states[..., :UNITS_KEPT]
        if outputs is not None:
            arrays["decision"] = softmax(outputs)
        return arrays | eigenvalues

    def _after_parts(self, engine: Engine) -> tuple[Array, Array | None, dict[str, Array]]:
        """Return states and, of few classes unless the run is brief, outputs (V, P, ...) of the net
        after each part of the followed rows, and the eigenvalues of :meth:`states`."""
        some, ends = self._followed(), self._ends()
        predictor, eigenvalues = self.states(engine)
        model = self.job.fitted(engine.export().params)
        answers = self.job.net.n_outputs <= CLASSES_CONFUSED and not self.job.brief
        answering = engine if answers else None
        parts = after_prefixes(model, answering, predictor, some.X[:], some.lengths, ends)
        return *parts, eigenvalues

    def final_arrays(self, engine: Engine) -> dict[str, Array]:
        """Return the class probabilities of the shown rows by the model; where companions answer,
        also by the net alone, and both after each part of the first rows that was read."""
        rows, job = self._shown(), self.job
        if not len(rows):
            return {}
        outputs = job.predict(engine, rows)
        if not job.companions:
            return {"probability": softmax(outputs)}
        answers = job.joined(outputs, rows, job.companions)
        arrays = {"probability": softmax(answers), "net_probability": softmax(outputs)}
        some, ends = self._followed(), self._ends()
        if job.brief or len(some) * len(ends) * some.X.shape[1] > PREFIXED:
            return arrays  # it would take long
        _, after, _ = self._after_parts(engine)
        if after is None:
            return arrays
        X, lengths = prefixes(some.X[:], some.lengths, ends)
        parts = Rows(X, lengths=lengths)
        whole = job.joined(after.reshape(len(parts), -1), parts, job.companions)
        return arrays | {
            "decision": softmax(whole.reshape(after.shape)),
            "net_decision": softmax(after),
        }

    def _followed(self) -> Rows:
        return self._shown().take(slice(0, ROWS_FOLLOWED))

    def _shown(self) -> Rows:
        return rows_to_show(self.dataset, self.config.display.n_predicted)

    def _ends(self) -> Array:
        """Numbers of steps read (P,) after which states are kept, all steps among them."""
        steps, most = n_steps(self.dataset), STEPS_KEPT
        if not reads_on(self.job.net, self.dataset.transform.by_window):
            most = min(most, max(REREAD_KEPT, REREAD_STEPS // (ROWS_FOLLOWED * steps)))
        return thinned(steps, most) + 1
