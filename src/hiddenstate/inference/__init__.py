"""Predictions, evaluation and hidden states of a trained model."""
