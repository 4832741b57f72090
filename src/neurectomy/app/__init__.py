"""The composition root: settings to services that are wired, started and stopped."""
