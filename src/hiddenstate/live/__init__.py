"""A view opened beside training, in a window, a terminal or a notebook."""
