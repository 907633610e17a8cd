"""Services of the operating system, and plain tools: files, checksums, locks, memory, notices."""
