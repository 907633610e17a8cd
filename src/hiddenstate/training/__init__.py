"""The training loop, what records it, and how it is started, resumed and verified."""
