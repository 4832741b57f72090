"""The HTTP edge: one table of operations, thin adapters over it."""
