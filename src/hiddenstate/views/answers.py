"""Whose answer a picture shows: that of the model, or what the network alone says."""

from hiddenstate.metrics.answer import NETWORK, answer_of
from hiddenstate.program.words import BESIDE
from hiddenstate.views.timeline import Moment, Timeline


def network_alone(timeline: Timeline, moment: Moment) -> str:
    """Return what is said of the states of the network and of its answers to a part of a row, where
    it is not alone the model; else nothing.

    Before the end of a run the network is all there is.
    """
    job, options = timeline.job, timeline.options
    if moment.results:
        return answer_of(job, moment.results, options).net_alone()
    there = [words for words in BESIDE[job] if options.get(words.name)]
    if not there:
        return ""
    if there[0].adds:
        return f"{NETWORK} alone, all of its output added"
    titles = " and ".join(words.title for words in there)
    return f"{NETWORK} alone, before {titles} may join at the end"


def unanswered(timeline: Timeline, moment: Moment) -> str:
    """Return what is said of hidden states at the end of a run whose network does not answer; else
    nothing."""
    answer = answer_of(timeline.job, moment.results, timeline.options)
    return answer.net_alone() if moment.results and not answer.by_net else ""


def answered_by(timeline: Timeline, moment: Moment) -> str:
    """Return what answers at the end of a run, if it is not the network alone; else nothing."""
    answer = answer_of(timeline.job, moment.results, timeline.options)
    return f"answered by {answer.who}" if moment.results and answer.beside else ""


def not_by_model(timeline: Timeline, moment: Moment) -> str:
    """Return the same of the classes of whole rows: nothing at the end, where a run has the answers
    of the model, unless it is of release 0.5.
    """
    return "" if "net_probability" in moment.arrays else network_alone(timeline, moment)
