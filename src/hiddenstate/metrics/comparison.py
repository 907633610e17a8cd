"""Compares the main result of a run with that of a prediction that needs no network.

What answers is the network or, where it has no share, what stands beside it.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hiddenstate.metrics.answer import NETWORK, Answer, answer_of
from hiddenstate.metrics.glossary import Entry, entry_of, written
from hiddenstate.metrics.headline import headline
from hiddenstate.metrics.intervals import Ends, Interval, differ, ends_of, interval_of
from hiddenstate.metrics.scores import skill
from hiddenstate.metrics.target_scores import (
    GAIN,
    LAST,
    LINEAR,
    MAE,
    MEAN,
    METHODS,
    MOST,
    PINBALL,
    RESULTS,
    SEASONAL,
    SERIES,
    column_of,
    gain_ends,
    in_words_of,
    is_pooled,
    method_in_words,
    n_scored,
    score_of,
    smallest_error,
)
from hiddenstate.metrics.units import ago, quantity, unit_of
from hiddenstate.program.jobs import kind_of
from hiddenstate.program.words import BESIDE, Words

SCALED = "test_mase"
"""Result: the error of forecasts that may be taken over unlike targets and series."""

QUANTILES = "baseline_pinball"
"""The same of a regression whose answers are quantiles."""


@dataclass(frozen=True)
class Baseline:
    """The main result of a run, and that of a method without a network on the same rows.

    Parameters
    ----------
    name : str
        Name of the result.
    value, other : float
        The result of the run and that of the baseline.
    method : str
        What the baseline does, as the end of "Without a network, ...".
    short : str
        The same as a noun, as the end of "worse than ...".
    entry, other_entry : Entry
        Their entries in the glossary.
    interval : Interval, optional
        Of the result, on few rows.
    gain : tuple of float, optional
        Interval of how much better what answers is, on the same rows.
    answer : Answer
        Who answers.
    relative : Relative, optional
        How much lower the mean absolute error is than that of the baseline; it then decides which
        is better.
    """

    name: str
    value: float
    other: float
    method: str
    short: str
    entry: Entry
    other_entry: Entry
    interval: Interval | None = None
    gain: Ends | None = None
    answer: Answer = field(default_factory=Answer)
    relative: "Relative | None" = None

    @property
    def who(self) -> str:
        """Who answers, in the singular."""
        beside = [w for w in self.answer.beside if not w.adds]
        if self.answer.by_net:
            return "the answer with the network" if beside else NETWORK
        return f"the answer by {self.answer.who}" if beside else self.answer.who

    @property
    def better(self) -> bool:
        """Whether what answers is better, in the digits that are written and beyond chance."""
        if self.relative is not None:
            return self.relative.gain > 0 and not self.by_chance
        return self._surely_better(self.value, self.other)

    @property
    def worse(self) -> bool:
        """Whether what answers is worse, in the digits that are written and beyond chance."""
        if self.relative is not None:
            return self.relative.gain < 0 and not self.by_chance
        return self._surely_better(self.other, self.value)

    @property
    def by_chance(self) -> bool:
        """Whether other such rows might as well turn the difference round."""
        if self.relative is not None:
            return self.relative.by_chance
        if self.gain is not None:
            return self.gain[0] <= 0 <= self.gain[1]
        if self.interval is None or self.interval.ends is None:
            return False
        low, high = self.interval.ends
        return low <= self.other <= high

    def _surely_better(self, value: float, other: float) -> bool:
        better = value > other if self._more_is_better else value < other
        return better and self._differs and not self.by_chance

    @property
    def tie(self) -> bool:
        """Whether there is no clear difference."""
        return not (self.better or self.worse)

    @property
    def sizes(self) -> tuple[float, float]:
        """The result and that of the baseline, as they are compared: errors of several targets in
        units of those of the baseline."""
        return (self.value, self.other) if self.relative is None else (1 - self.relative.gain, 1.0)

    @property
    def _differs(self) -> bool:
        if self.relative is not None:
            return abs(self.relative.gain) >= SMALLEST_GAIN
        value, other = (written(number, self.entry.kind) for number in (self.value, self.other))
        return value != other

    @property
    def _more_is_better(self) -> bool:
        return self.entry.kind == "share"

    def in_words(self) -> str:
        """Return the comparison as a sentence."""
        method, who = f"Without a network, {self.method}", self.who
        if self.answer.alone:
            method = self.method[0].upper() + self.method[1:]
            who += ", which answers alone," * self.answer.alone[0].adds
        sentence = f"{method} reached {written(self.other, self.entry.kind)}"
        if self.relative is not None:
            reached = self.relative.reached
            sentence = (
                f"{method} reached {reached}" if reached else f"The baseline is {self.method}"
            )
        if self.by_chance and self._differs:
            return f"{sentence}: no clear difference, as {self._within()}."
        if self.tie:
            return f"{sentence}: {who} is no better."
        if self.worse and self.relative is None:
            return f"{sentence}: {who} is worse."
        if self._more_is_better:
            return f"{sentence}."
        lower = 100 * skill(*self.sizes)
        over = "" if self.relative is None else self.relative.over
        if lower <= -MOST_PERCENT:
            return (
                f"{sentence}; the {self._error} of {who} is {_times(lower / 100)} as large{over}."
            )
        way = "lower" if lower >= 0 else "higher"
        return f"{sentence}; the {self._error} of {who} is {abs(lower):.1f} % {way}{over}."

    @property
    def _error(self) -> str:
        return "error" if self.relative is None else in_words_of(self.relative.score)

    def verdict(self) -> str:
        """Return in few words that what answers is worse, or only better or worse by chance."""
        if self.worse:
            return f"worse than {self.short}"
        # A forecast in whose digits nothing differs states that the network adds nothing.
        equal = self.by_chance and (self._differs or self._more_is_better)
        return f"not clearly better or worse than {self.short}" if equal else ""

    def warning(self) -> str:
        """Return the same with both values, as the end of "the network is ..." or of what else
        answers; else nothing."""
        if not self.verdict():
            return ""
        if self.relative is not None:
            why = self._within() if self.by_chance else self.relative.in_words()
            return f"{self.verdict()}: {why}"
        value, other = (written(number, self.entry.kind) for number in (self.value, self.other))
        within = "" if self.worse or value == other else f"; {self._within()}"
        without = self.short if self.answer.alone else "without a network"
        return f"{self.verdict()}: {self.entry.title} {value}, {without} {other}{within}"

    def _within(self) -> str:
        if self.relative is not None:
            return f"{self.relative.in_words()}, may be chance"
        drawn = "" if self.interval is None else f" of {self.interval.units_in_words()}"
        if self.gain is None:
            return f"the difference is within the 95 % interval{drawn}"
        low, high = (written(end, self.entry.kind) for end in self.gain)
        return f"the gain, {low} to {high} in the 95 % interval{drawn}, may be chance"


SMALLEST_GAIN = 0.0005
"""Least share that is written as a difference."""

MOST_PERCENT = 1000
"""Percent of a higher error from which it is written as a multiple."""


def _times(gain: float) -> str:
    """Return how many times as large an error is as another, by the share by which it is lower."""
    times = 1 - gain
    return f"more than {MOST_TIMES:,} times" if times > MOST_TIMES else f"{quantity(times)} times"


MOST_TIMES = 1000
"""The largest multiple that is written."""


@dataclass(frozen=True)
class Relative:
    """How much lower the mean absolute error, or loss of quantiles, is than that of a baseline.

    Parameters
    ----------
    gain : float
        As a share of the error of the baseline, each target of each series counting alike; below 0
        if the error is higher.
    ends : tuple of float, optional
        Its interval, by the standard error of the paired differences.
    reached : str
        What the baseline reached, as it follows its method; empty of several targets.
    score : str
        Which of both is compared.
    targets : int, default 1
        The number of targets that the gain is a mean over.
    """

    gain: float
    ends: Ends | None
    reached: str = ""
    score: str = MAE
    targets: int = 1

    @property
    def over(self) -> str:
        """What the gain is a mean over: ", the mean of 2 targets"; empty of one."""
        if self.targets == 1:
            return ""
        return f", in the mean of {'the' if self.targets == MOST else self.targets} targets"

    @property
    def by_chance(self) -> bool:
        """Whether the difference is within its interval, or too small to be written."""
        if self.ends is None:
            return abs(self.gain) < SMALLEST_GAIN
        return self.ends[0] <= 0 <= self.ends[1]

    def in_words(self) -> str:
        """Return the gain with its interval."""
        if 100 * self.gain <= -MOST_PERCENT:
            error = f"a {in_words_of(self.score)} {_times(self.gain)} as large{self.over}"
            if self.ends is None:
                return error
            most, least = (_times(end).removesuffix(" times") for end in self.ends)
            within = f", 95 % interval {least} to {most} times"
            return error + within * (least != most)
        gain = f"the gain of {100 * self.gain:.1f} % in {in_words_of(self.score)}{self.over}"
        if self.ends is None:
            return gain
        low, high = (f"{100 * end:.1f}" for end in self.ends)
        return f"{gain}, 95 % interval {low} to {high} %"


def baseline_method(job: str, options: Mapping[str, Any]) -> tuple[str, str]:
    """Return what the baseline of a run with these options does, and the same as a noun."""
    if kind_of(job).has_classes:
        return "always predicting the most frequent class", "always the most frequent class"
    if kind_of(job).has_codes:
        size = options["code_size"]
        components = f"{size} principal component" + "s" * (size != 1)
        return f"projection on {components}", components
    if options["horizon"]:
        return "repeating the last value", "the last value"
    if options.get("quantile"):
        return "predicting the training quantiles", "the training quantiles"
    return "predicting the training mean", "the training mean"


def drawn_baseline(
    job: str,
    options: Mapping[str, Any],
    results: Mapping[str, Any],
    seasonal: bool = False,
    step_days: float | None = None,
) -> str:
    """Return what the baseline that pictures draw is, as a noun: the value a season ago, if it is
    `seasonal`.

    The last value known a season ahead is the value a season ago, and is called so everywhere;
    before there are results, if it is known how many days a step is, 0 if steps are no dates.
    """
    season, last = (results.get(RESULTS[name], math.nan) for name in (SEASONAL, LAST))
    if seasonal or math.isclose(season, last, rel_tol=1e-6):
        return f"the value of {method_in_words(SEASONAL, results)}"
    ahead, (period, *_) = options.get("horizon"), options.get("season") or (0,)
    if not results and ahead and period > 1 and ahead % period == 0 and step_days is not None:
        return f"the value of {ago(period * step_days or None, period)}"
    return baseline_method(job, options)[1]


OTHERS = {
    RESULTS[SEASONAL]: ("repeating the value a season ago", "the value a season ago"),
    **{words.result: (words.method,) * 2 for every in BESIDE.values() for words in every},
}
"""Other results that need no network: what they are of, and the same as a noun."""


def baseline_of(job: str, results: Mapping[str, Any]) -> str:
    """Return the key of the job's own baseline on the test rows, where `results` have it."""
    return QUANTILES if QUANTILES in results else f"baseline_{kind_of(job).score}"


def share_in_words(
    job: str, results: Mapping[str, Any], options: Mapping[str, Any] | None = None
) -> str:
    """Return what the network adds to what stands beside it, or nothing if nothing does.

    `options` are those of the run, which say what stands there; by default all that may.
    """
    answer = answer_of(job, results, options)
    if not answer.beside:
        return ""
    share, path = answer.net_share, answer.beside[0]
    if not path.adds:
        adds = f"{share:.0%} of the answer" if share else "nothing"
        return f"the network adds {adds} to {' and '.join(w.title for w in answer.beside)}"
    if answer.alone:
        return f"answered by {path.method}"
    reached = "".join(f" {score:.4g}" for _, score in scored_alone(job, results))
    part = f", {answer.part:.0%} of the answer" if answer.part else ""
    return f"{path.title} alone{reached}, the network adds {share:.0%} of its output{part}"


def compare(job: str, results: Mapping[str, Any], options: Mapping[str, Any]) -> Baseline | None:
    """Return the main result of a run beside its baseline on the test rows, if it has both.

    Of several baselines it is the best one.
    """
    key = headline(job, results)
    if key not in results or baseline_of(job, results) not in results or key[:4] != "test":
        return None
    return _compared(job, key, key, results, baseline_method(job, options), options)


def scored_alone(job: str, results: Mapping[str, Any]) -> Iterator[tuple[Words, float]]:
    """Yield what may stand beside the network, with its score alone if `results` has it."""
    for words in BESIDE[job]:
        if words.result in results:
            yield words, float(results[words.result])


def best_baseline(
    job: str, results: Mapping[str, Any], options: Mapping[str, Any] | None = None
) -> str:
    """Return the key of the best baseline that `results` has; what answers alone is none."""
    best = baseline_of(job, results)
    if best not in results or best == QUANTILES:
        return best
    if GAIN in results:
        return RESULTS[_best_method(job, results, options)]
    more_is_better = entry_of(best, job).kind == "share"
    alone = answer_of(job, results, options).alone
    others = [words.result for words in BESIDE[job] if words not in alone]
    choose = max if more_is_better else min
    names = (best, RESULTS[SEASONAL], *others)
    return choose((name for name in names if name in results), key=lambda name: results[name])


def _best_method(
    job: str, results: Mapping[str, Any], options: Mapping[str, Any] | None = None
) -> str:
    """Return the name of the best baseline among the scores of targets."""
    alone = bool(answer_of(job, results, options).alone)
    names = [name for name in METHODS if not (alone and name == LINEAR)]
    return smallest_error(results, names, score_of(results)) or LAST


@dataclass(frozen=True)
class Scored:
    """The job, what is predicted of which data and the results of a run that is compared."""

    job: str
    question: str
    results: Mapping[str, Any]


def equal_to_best(runs: Sequence[Scored]) -> tuple[int, list[int]] | None:
    """Return the place of the best run, and of those whose score its interval leaves equal.

    None unless two runs or more have an interval of the same score of the same question. Of several
    targets or series it is the scaled error, as no other score may be taken over them.
    """
    scores, of = {}, set[tuple[str, str, str]]()
    for place, run in enumerate(runs):
        key = headline(run.job, run.results)
        key = SCALED if is_pooled(key, run.results) else key
        ends = ends_of(key, run.results)
        if ends is not None and key in run.results:
            scores[place] = float(run.results[key]), ends
            of.add((run.job, run.question, key))
    if len(scores) < 2 or len(of) > 1:
        return None
    ((job, _, key),) = of
    choose = max if entry_of(key, job).kind == "share" else min
    best = choose(scores, key=lambda place: scores[place][0])
    return best, [p for p in scores if p != best and not differ(scores[p], scores[best])]


def compare_scores(job: str, scores: Mapping[str, Any]) -> Baseline | None:
    """Return the scores of an evaluation beside those of the best baseline, if it has some."""
    baseline = baseline_of(job, scores)
    if baseline not in scores:
        return None
    name = baseline.removeprefix("baseline_")
    return _compared(job, f"test_{name}", name, scores, (str(scores["baseline"]),) * 2)


def _compared(
    job: str,
    key: str,
    name: str,
    scores: Mapping[str, Any],
    plain: tuple[str, str],
    options: Mapping[str, Any] | None = None,
) -> Baseline:
    """`name` is that of the score among all, `key` that of its entry, `plain` what the baseline of
    the job is."""
    other = best_baseline(job, scores, options)
    method, short = OTHERS.get(other, plain)
    relative = None
    best = _best_method(job, scores, options) if GAIN in scores else ""
    # Quantiles have a loss of their own, but none over several targets, nor a season ago.
    if best and (key == "test_mse" or is_pooled(key, scores) or best == SEASONAL):
        of = score_of(scores)
        when = method_in_words(best, scores, score=of)
        if of == PINBALL:
            method, short = f"predicting {when}", when
        elif best == SEASONAL:
            method, short = f"repeating the value of {when}", f"the value of {when}"
        elif best == MEAN:
            method, short = f"predicting {when}", when
        reached = _reached(best, scores, options)
        n = max(n_scored(scores), 1)
        relative = Relative(float(scores[GAIN]), gain_ends(scores), reached, of, n)
    return Baseline(
        key,
        float(scores[name]),
        float(scores[other]),
        method,
        short,
        entry_of(key, job),
        entry_of(other, job),
        interval_of(name, scores),
        ends_of("gain", scores),
        answer_of(job, scores, options),
        relative,
    )


def _reached(method: str, scores: Mapping[str, Any], options: Mapping[str, Any] | None) -> str:
    """Return the error of a method with its unit; empty of several targets, and where the medians
    of series differ the other way round than their errors on average."""
    if n_scored(scores) > 1:
        return ""
    of, series = score_of(scores), int(scores.get(SERIES, 1))
    error = float(scores[f"target_1_{method}_{of}"])
    if (error - float(scores[f"target_1_{of}"])) * float(scores[GAIN]) < 0:
        return ""
    unit = unit_of(column_of(options or {}, 1, 1))
    sign = "± " * (of == MAE)
    return f"{sign}{quantity(error, unit)}" + f" in the median of {series:,} series" * (series > 1)
