"""Runs both sides one after the other, in processes of their own, and prints the ratios."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / ".venv-bench"


def prepare() -> None:
    """The peers' environment, from its own lock."""
    if (PEERS / "bin/python").exists():
        return
    uv = ROOT / ".venv-setup/bin/uv"
    lock = ROOT / "requirements/bench.txt"
    python = PEERS / "bin/python"
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, PEERS], check=True)
    words = ["pip", "install", "-q", "--python", python, "--require-hashes", "-r", lock]
    subprocess.run([uv, *words], check=True)


def measure(*command: Any) -> dict[str, Any]:
    """What a side printed in its last line."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command} failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def main() -> None:
    """Measure, and print a table."""
    prepare()
    large = ["--large"] if "--large" in sys.argv else []
    peers = measure(PEERS / "bin/python", "bench/peers.py")
    ours = measure(sys.executable, "-m", "bench.ours", *large)
    rows = [
        ("step, barrier at the end, CPU µs", "step_cpu_us", "step_cpu_us", "LangGraph", 10),
        ("step, barrier at each, CPU µs", "step_barrier_cpu_us", "step_cpu_us", "LangGraph", 5),
        ("the same, process durability", "step_barrier_process_cpu_us", "step_cpu_us",
         "LangGraph", 5),
        ("step, barrier at each, CPU µs", "step_barrier_cpu_us", "dbos_step_cpu_us", "DBOS", 20),
        ("durable step, against none, CPU µs", "step_cpu_us", "memory_step_cpu_us",
         "LangGraph in memory", 3),
        ("state at a moment, 1k, CPU µs", "seek_1k_p50_us", "seek_p50_us", "LangGraph", None),
        ("state at a moment, 1M, CPU µs", "seek_1M_p50_us", "seek_p50_us", "LangGraph", None),
        ("state at a moment, 10M, CPU µs", "seek_10M_p50_us", "seek_p50_us", "LangGraph", None),
        ("fork, CPU µs", "fork_cpu_us", "fork_cpu_us", "LangGraph", 50),
        ("history of 1,000 steps", "history_cpu_us", "history_cpu_us", "LangGraph", None),
        ("bytes per step, 2 KB state", "step_bytes", "step_bytes", "LangGraph", None),
        ("bytes per step, 20 KB state", "step_bytes_20k", "step_bytes_20k", "LangGraph", None),
    ]  # fmt: skip
    print(f"{'work':38} {'us':>10} {'peer':>10} {'ratio':>8}  goal")
    for name, own, theirs, peer, goal in rows:
        if own not in ours or theirs not in peers:
            continue
        ratio = peers[theirs] / ours[own]
        wanted = f"{goal}x of {peer}" if goal else peer
        print(f"{name:38} {ours[own]:10.1f} {peers[theirs]:10.1f} {ratio:7.1f}x  {wanted}")
    print(json.dumps({"ours": ours, "peers": peers}))


if __name__ == "__main__":
    main()
