"""Scores, the baselines to compare them with, and the meaning of each number."""
