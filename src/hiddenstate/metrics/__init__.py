"""Scores, the baselines beside them, and what each number means."""
