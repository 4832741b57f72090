"""Forks, changes in place, breakpoints: from what the edge is given to what runs take."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from neurectomy.core.errors import InvalidInput
from neurectomy.language import edits
from neurectomy.language.compiler import compile_text
from neurectomy.language.conditions import names_of, read_condition
from neurectomy.language.hints import closest
from neurectomy.runs import breakpoints
from neurectomy.runs.breakpoints import Breakpoint
from neurectomy.runs.forks import Changes
from neurectomy.runs.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neurectomy.agents.program import Program
    from neurectomy.runs.bundle import Bundle
    from neurectomy.server.context import Services
    from neurectomy.server.types import ChangesInput

MOST_DOLLARS = 1e9

MOST_BREAKPOINTS = 64
"""Of one run; each is looked at before every step."""


async def changes_of(services: Services, run: str, at: int, body: ChangesInput) -> Changes:
    """What somebody wants to be different, with the program that it takes.

    Raises:
        ProgramInvalid: The changed program has errors.
        InvalidInput: It cannot be changed like that.
    """
    edited = body.text is not None or body.prompts or body.systems or body.models or body.settings
    bundle = await _bundle(services, run, at, body) if edited or body.program else None
    nanos = nanos_of(body.cost_usd)
    return Changes(body.inputs, bundle, body.bindings, body.value, nanos)


def nanos_of(dollars: float | None) -> int | None:
    """Billionths of a US dollar.

    Raises:
        InvalidInput: It is no amount.
    """
    if dollars is None:
        return None
    if not 0 <= dollars <= MOST_DOLLARS:
        raise InvalidInput("a budget is an amount in US dollars", hint="Such as 0.50.")
    return round(dollars * 1e9)


async def plan_of(services: Services, run: str, text: str) -> Plan:
    """An edited program of a run, to be replayed with the tools' files that it was recorded with.

    Raises:
        ProgramInvalid: It has errors.
    """
    recorded = await services.runs.bundle(run)
    bundle = await asyncio.to_thread(services.programs.bundle, recorded.path, text, recorded.files)
    return Plan(bundle.compiled())


def breakpoints_of(program: Program, texts: Sequence[str]) -> tuple[Breakpoint, ...]:
    """Breakpoints as people write them: names of what the program declares, or conditions.

    Raises:
        InvalidInput: One is neither.
    """
    if len(texts) > MOST_BREAKPOINTS:
        raise InvalidInput(f"a run has at most {MOST_BREAKPOINTS} breakpoints", hint="Join them.")
    plan = Plan(program)
    nodes = {node for flow in program.flows for node in plan.flow(flow).nodes}
    return tuple(_breakpoint(text.strip(), plan, nodes) for text in texts)


def _breakpoint(text: str, plan: Plan, nodes: set[str]) -> Breakpoint:
    if text.isidentifier() and text not in breakpoints.NAMES:
        condition = breakpoints.named(text, plan.callees, nodes)
        if condition is None:
            hint = closest(text, [*plan.program.agents, *plan.program.tools, *nodes])
            raise InvalidInput(f"there is no agent, tool or step {text}", hint=hint)
        return Breakpoint(text, condition)
    condition = read_condition(text, breakpoints.NAMES)
    return Breakpoint(text, condition, once=not names_of(condition) & breakpoints.PLACES)


async def _bundle(services: Services, run: str, at: int, body: ChangesInput) -> Bundle:
    """The program of that moment, or one of the workspace, with the edits made to it."""
    if body.program:
        bundle = await asyncio.to_thread(services.programs.bundle, body.program, body.text)
    else:
        bundle = await services.runs.bundle(run, at)

    def edited() -> Bundle:
        text = _edited(bundle.text if body.text is None else body.text, bundle.path, body)
        return services.programs.bundle(bundle.path, text, bundle.files)

    return await asyncio.to_thread(edited)


def _edited(text: str, path: str, body: ChangesInput) -> str:
    for word, prompts in (("prompt", body.prompts), ("system", body.systems)):
        for agent, prompt in prompts.items():
            text = edits.with_prompt(compile_text(text, path), agent, prompt, word)
    for model, source in body.models.items():
        text = edits.with_model(compile_text(text, path), model, source)
    for model, settings in body.settings.items():
        for name, value in settings.items():
            text = edits.with_setting(compile_text(text, path), model, name, value)
    return text
