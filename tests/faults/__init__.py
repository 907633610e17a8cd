"""A small share of `tools.stress`: faults at counted places, never at a moment of a clock."""
