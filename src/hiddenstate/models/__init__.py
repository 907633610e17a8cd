"""A net as named arrays, and the file it is kept in."""
