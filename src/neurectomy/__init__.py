"""NEURECTOMY: the IDE in which AI agents are designed, run, rewound, hardened and shipped."""

__version__ = "0.1.0"
