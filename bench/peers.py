"""The peers' side: LangGraph with SqliteSaver, DBOS on SQLite; prints the same JSON."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, TypedDict

STEPS = 1000


class State(TypedDict):
    """A state of 2 KB, as on our side."""

    n: int
    text: str


def graph() -> Any:
    """A graph that counts to `STEPS`."""
    from langgraph.graph import END, START, StateGraph

    builder = StateGraph(State)
    builder.add_node("step", lambda state: {"n": state["n"] + 1})
    builder.add_edge(START, "step")
    builder.add_conditional_edges("step", lambda s: END if s["n"] >= STEPS else "step")
    return builder


def langgraph(folder: Path) -> dict[str, float]:
    """CPU per step with durability `sync`, of the history, of a fork, and without persistence."""
    from langgraph.checkpoint.sqlite import SqliteSaver

    start = {"n": 0, "text": "x" * 2000}
    cpus, walls = [], []
    found: dict[str, float] = {}
    with SqliteSaver.from_conn_string(str(folder / "graph.db")) as saver:
        compiled = graph().compile(checkpointer=saver)
        for number in range(4):
            config: Any = {"configurable": {"thread_id": str(number)}, "recursion_limit": 2000}
            cpu, wall = time.process_time(), time.perf_counter()
            compiled.invoke(start, config, durability="sync")
            cpus.append((time.process_time() - cpu) / STEPS * 1e6)
            walls.append((time.perf_counter() - wall) / STEPS * 1e6)
        found["step_cpu_us"] = statistics.median(cpus[1:])
        found["step_wall_us"] = statistics.median(walls[1:])
        saver.conn.commit()
        size = sum(p.stat().st_size for p in folder.glob("graph.db*"))
        found["step_bytes"] = size / (4 * STEPS)
        config = {"configurable": {"thread_id": "0"}}
        cpu = time.process_time()
        history = list(compiled.get_state_history(config))
        found["history_cpu_us"] = (time.process_time() - cpu) * 1e6
        middle = history[len(history) // 2].config
        seeks = []
        for state in history[:400]:
            cpu = time.process_time()
            compiled.get_state(state.config)
            seeks.append((time.process_time() - cpu) * 1e6)
        found["seek_p50_us"] = statistics.median(seeks)
        forks = []
        for _ in range(200):
            cpu = time.process_time()
            compiled.update_state(middle, {"n": 5})
            forks.append((time.process_time() - cpu) * 1e6)
        found["fork_cpu_us"] = statistics.median(forks)
    with SqliteSaver.from_conn_string(str(folder / "large.db")) as saver:
        config = {"configurable": {"thread_id": "0"}, "recursion_limit": 2000}
        large = {"n": 0, "text": "x" * 20_000}
        graph().compile(checkpointer=saver).invoke(large, config, durability="sync")
        saver.conn.commit()
        size = sum(p.stat().st_size for p in folder.glob("large.db*"))
        found["step_bytes_20k"] = size / STEPS
    plain = graph().compile()
    cpu = time.process_time()
    plain.invoke(start, {"recursion_limit": 2000})
    found["memory_step_cpu_us"] = (time.process_time() - cpu) / STEPS * 1e6
    return found


def dbos(folder: Path) -> dict[str, float]:
    """CPU per step of a workflow on SQLite."""
    from dbos import DBOS, DBOSConfig

    config: DBOSConfig = {
        "name": "bench",
        "system_database_url": f"sqlite:///{folder}/dbos.sqlite",
        "log_level": "ERROR",
        "run_admin_server": False,
    }
    DBOS(config=config)

    @DBOS.step()
    def step(n: int) -> int:
        return n + 1

    @DBOS.workflow()
    def workflow(count: int, text: str) -> int:
        n = 0
        for _ in range(count):
            n = step(n)
        return n

    DBOS.launch()
    workflow(50, "x" * 2000)
    cpus = []
    for _ in range(3):
        cpu = time.process_time()
        workflow(300, "x" * 2000)
        cpus.append((time.process_time() - cpu) / 300 * 1e6)
    DBOS.destroy()
    return {"dbos_step_cpu_us": statistics.median(cpus)}


if __name__ == "__main__":
    os.environ.setdefault("LANGSMITH_TRACING", "false")
    with tempfile.TemporaryDirectory() as name:
        measured = langgraph(Path(name))
        measured |= dbos(Path(name))
        print(json.dumps(measured))
