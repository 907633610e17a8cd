"""From data as it was read to what a job trains on."""
