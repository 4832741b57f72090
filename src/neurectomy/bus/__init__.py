"""Publish and subscribe within the process."""
