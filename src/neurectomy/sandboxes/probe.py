"""What the jail must not let a tool do, tried for real."""

from __future__ import annotations

import socket
from pathlib import Path


def probe() -> dict[str, bool]:
    """Whether the network answers and whether the system can be written."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
            sock.settimeout(1)
            sock.connect(("127.0.0.1", 9))
        network = True
    except ConnectionRefusedError:
        network = True
    except OSError:
        network = False
    try:
        Path(__file__).with_name("written").write_text("")
        written = True
    except OSError:
        written = False
    return {"network": network, "written": written}
