"""Turns data as read into data that a job trains on."""
