"""Searches over the options of a job: a study of trials, each an ordinary run, on Optuna."""
