"""Data that is part of the program."""
