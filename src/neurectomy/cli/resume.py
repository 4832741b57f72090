"""``neurectomy resume``: the command ``neurectomy runs resume``, where people look for it."""

from neurectomy.cli.runs import resume as command

__all__ = ["command"]
