"""What each picture of a run is, whatever draws it: the arrays it needs, its words, its place.

Imports no drawing library. `catalog` draws pictures as figures, `terminal` as panels, and reports
show them; each has a drawing for the pictures that it can draw.
"""

from hiddenstate.views.pictures.picture import Picture
from hiddenstate.views.pictures.table import LEADS, PICTURES, frames_of, pictures_there

__all__ = ["LEADS", "PICTURES", "Picture", "frames_of", "pictures_there"]
