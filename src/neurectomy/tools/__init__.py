"""What an agent can call: schemas from the syntax tree, calls through a sandbox."""
