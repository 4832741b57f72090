"""Snapshots of folders: content-addressed trees, captured, compared, laid out again."""
