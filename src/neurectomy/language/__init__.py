"""Text to program and back: lexer, parser, checker, diagnostics."""
