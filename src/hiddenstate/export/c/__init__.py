"""One C99 header: its arrays, its functions, its self-test, and how it is tried."""
