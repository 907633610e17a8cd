"""What the operating system is asked for, safely: files, locks, memory, cancellation."""
