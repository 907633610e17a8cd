"""One Python file, whose text is that of modules here."""
