"""Composition root: settings to wired services, start and stop."""
