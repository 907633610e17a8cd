"""More than one run, more than one machine."""
