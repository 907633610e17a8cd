"""A trained model asked: predictions, scores, hidden states."""
