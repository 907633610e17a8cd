"""Who answers by a trained model: its networks, what stands beside them, or both."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hiddenstate.errors import count
from hiddenstate.program.words import BESIDE, Words

NETWORK = "the network"


@dataclass(frozen=True)
class Answer:
    """Who answers by a trained model.

    Parameters
    ----------
    net_share : float, default 1
        Share of the networks in the answer, from 0 to 1; where their outputs are added to a path,
        the factor of these. With 0 they do not answer.
    beside : tuple of Words
        What answers with the networks, or alone.
    left_out : tuple of Words
        What could answer with the networks, which suffice.
    nets, updates : int, optional
        The number of networks, and of updates that each of them had, if they are known.
    part : float, optional
        Part of the networks in the answers, from 0 to 1, if it is known.
    """

    net_share: float = 1.0
    beside: tuple[Words, ...] = ()
    left_out: tuple[Words, ...] = ()
    nets: int | None = None
    updates: int | None = None
    part: float | None = None

    @property
    def by_net(self) -> bool:
        """Whether the networks answer, alone or with what stands beside them."""
        return self.net_share > 0

    @property
    def alone(self) -> tuple[Words, ...]:
        """What answers without the networks."""
        return () if self.by_net else self.beside

    @property
    def who(self) -> str:
        """Who answers, as in `answered_by`: "the network and the linear path"."""
        names = [f"the {w.title}" if w.adds else w.title for w in self.beside]
        return " and ".join([NETWORK] * self.by_net + names)

    def net_alone(self) -> str:
        """Return what the networks alone are, in a picture of what they say: "the network alone,
        25% of the answer". Nothing where they are what answers."""
        if not self.beside:
            return ""
        if not self.by_net:
            return f"{NETWORK} alone, which does not answer"
        if any(words.adds for words in self.beside):
            return f"{NETWORK} alone, all of its output added"
        return f"{NETWORK} alone, {self.net_share:.0%} of the answer"

    def networks(self) -> str:
        """Return the networks with their updates: "5 networks of 300 updates each"."""
        several = (self.nets or 1) > 1
        networks = f"{self.nets} networks" if several else NETWORK
        if self.updates is None:
            return networks
        return f"{networks} of {count(self.updates, 'update')}" + " each" * several

    def in_words(self, others: str = "") -> str:
        """Return who answers: "25% by 5 networks of 300 updates each, the rest by ...".

        Parameters
        ----------
        others : str, optional
            What stands beside the networks, if more is to be said of it.
        """
        single, networks = (self.nets or 1) == 1, self.networks()
        others = others or " and ".join(w.method.removesuffix(" alone") for w in self.beside)
        if not self.by_net:
            return f"{others}; {networks} {'does' if single else 'do'} not answer"
        if self.left_out:
            without = " and ".join(w.title for w in self.left_out)
            return f"{networks}, which {'suffices' if single else 'suffice'} without {without}"
        if not others:
            return networks
        if self.part:
            return f"{self.part:.0%} by {networks}, the rest by {others}"
        return f"{networks} and {others}"


def answer_of(
    job: str, results: Mapping[str, Any], options: Mapping[str, Any] | None = None
) -> Answer:
    """Return who answers, by the results of a run or the scores of an evaluation.

    Parameters
    ----------
    job : str
        Name of a job.
    results : mapping
        Both have `net_share` if something stands beside the networks, and those of a run since 0.6
        `nets` and `net_updates`.
    options : mapping, optional
        Those of the run, which say what stands there; by default all that may.
    """
    nets, updates = results.get("nets"), results.get("net_updates")
    there = tuple(w for w in BESIDE[job] if w.adds or options is None or options.get(w.name))
    if "net_share" not in results:
        return Answer(nets=nets, updates=updates)
    share = float(results["net_share"])
    adds = any(w.adds for w in there)
    if share == 1 and not adds:
        return Answer(1.0, (), there, nets, updates)
    return Answer(share, there, (), nets, updates, results.get("net_part") if adds else share)
