"""The agent language: text to a lossless tree, to a program, with diagnostics. Never raises."""
