"""The long harness that breaks promises on purpose; `python -m tools.stress` runs it."""
