"""The agent program as data: types, expressions, agents, flows. No text, no input or output."""
