"""The opened folder: its programs, its settings, and the lock that says who owns it."""
