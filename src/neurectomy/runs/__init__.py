"""Execute programs over the run log: decide, carry out, replay, fork."""
