"""The export as one HTML page: a model to play with, which loads nothing from the network."""
