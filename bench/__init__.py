"""Measurements of us and of the peers on the same work, in one go: ``make bench``."""
