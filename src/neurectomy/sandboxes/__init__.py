"""Where untrusted code runs: one port, one module per tier."""
