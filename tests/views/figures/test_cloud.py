"""Points in three dimensions."""

import numpy as np
from matplotlib.figure import Figure

from hiddenstate.views import style
from hiddenstate.views.figures.cloud import Cloud
from hiddenstate.views.figures.layout import glyphs


def test_near_codes_are_drawn_over_far_ones():
    axes = Figure().add_subplot(projection="3d")
    points = np.array([[0.0, 0.0, 0.0], [1.0, -1.0, 0.5], [-1.0, 1.0, 0.2]])
    cloud = Cloud(axes, points, np.arange(3), ["a", "b", "c"], style.class_colors(3))
    axes.add_collection(cloud, autolim=False)
    for turn in (-60, 120):
        axes.view_init(elev=0, azim=turn)
        axes.M = axes.get_proj()
        cloud.do_3d_projection()
        eye = np.array([np.cos(np.radians(turn)), np.sin(np.radians(turn)), 0])
        nearest = "abc"[int((points @ eye).argmax())]
        assert cloud.get_paths()[-1] is glyphs(nearest, 8.5, bold=True)
