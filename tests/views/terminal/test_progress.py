"""The speed of training that the terminal view shows."""

from hiddenstate.views.playback import Player
from hiddenstate.views.terminal.progress import ProgressMeter
from hiddenstate.views.timeline import Timeline


def test_a_pause_does_not_lower_the_updates_per_second(run_of):
    player = Player(Timeline(run_of("regress")))
    player.status = "running"
    seconds = iter([0.0, 1.0, 100.0, 102.0])
    progress = ProgressMeter(player, lambda: next(seconds))
    assert progress.rate([10]) is None
    assert progress.rate([10, 30]) == 20
    assert progress.rate([10, 30], paused=True) is None
    assert progress.rate([10, 30]) is None
    assert progress.rate([10, 30, 50]) == 10
