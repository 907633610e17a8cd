"""Small parts of the checks of `tools.stress`, at fixed places instead of random moments."""
