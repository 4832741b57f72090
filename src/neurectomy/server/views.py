"""Rows and programs as the edge shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurectomy.agents import types
from neurectomy.agents.graph import graph
from neurectomy.core.errors import InvalidInput
from neurectomy.language.diagnostics import Lines
from neurectomy.language.edits import prompt_of
from neurectomy.server.types import (
    AgentView,
    Failure,
    FlowView,
    ModelView,
    Parent,
    ProgramDetail,
    ProgramSummary,
    Run,
    ToolView,
)

if TYPE_CHECKING:
    from neurectomy.language.compiler import Compiled
    from neurectomy.storage.port import RunRow


def run_view(
    row: RunRow, *, live: bool, result: Any = None, error: dict[str, Any] | None = None
) -> Run:
    """A run's row."""
    parent = row.ancestry[-1] if row.ancestry else None
    failure = None
    if error is not None:
        known = {name: error[name] for name in Failure.__struct_fields__ if name in error}
        failure = Failure(**known)
    return Run(
        row.id,
        row.flow,
        row.source,
        row.title,
        row.status,
        row.created_us,
        row.ended_us,
        row.head,
        None if parent is None else Parent(parent.run, parent.until),
        row.accounts,
        row.labels,
        live,
        result,
        failure,
    )


def program_summary(compiled: Compiled) -> ProgramSummary:
    """A program in a list."""
    errors = sum(item.severity == "error" for item in compiled.diagnostics)
    return ProgramSummary(
        compiled.path,
        list(compiled.program.flows),
        errors,
        len(compiled.diagnostics) - errors,
    )


def _prompt(compiled: Compiled, agent: str, word: str) -> str | None:
    """A prompt as people edit it; null where the agent has none, or a broken one."""
    try:
        return prompt_of(compiled, agent, word)
    except InvalidInput:
        return None


def program_detail(compiled: Compiled) -> ProgramDetail:
    """A program with its graphs; of a broken one, what could be understood."""
    program, lines = compiled.program, Lines(compiled.text)

    def line(kind: str, name: str) -> int:
        span = compiled.names.get((kind, name))
        return 0 if span is None else lines.place(span.start)[0]

    sound = compiled.ok
    return ProgramDetail(
        compiled.path,
        compiled.text,
        list(compiled.diagnostics),
        [
            FlowView(
                flow.name,
                flow.description,
                types.fields_schema(flow.parameters, program.types) if sound else {},
                types.render(flow.returns),
                list(graph(program, flow)),
            )
            for flow in program.flows.values()
        ],
        [
            AgentView(
                agent.name,
                agent.model,
                list(agent.tools),
                types.render(agent.returns),
                agent.description,
                line("agent", agent.name),
                _prompt(compiled, agent.name, "prompt") or "",
                _prompt(compiled, agent.name, "system"),
            )
            for agent in program.agents.values()
        ],
        [
            ToolView(
                tool.name, types.render(tool.returns), tool.sandbox, tool.path, tool.description
            )
            for tool in program.tools.values()
        ],
        [ModelView(model.name, model.source, model.settings) for model in program.models.values()],
    )
