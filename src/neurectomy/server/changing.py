"""Forks and changes in place: from what the edge is given to what runs take."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from neurectomy.core.errors import InvalidInput
from neurectomy.language import edits
from neurectomy.language.compiler import compile_text
from neurectomy.runs.forks import Changes
from neurectomy.runs.plan import Plan

if TYPE_CHECKING:
    from neurectomy.runs.bundle import Bundle
    from neurectomy.server.context import Services
    from neurectomy.server.types import ChangesInput


async def changes_of(services: Services, run: str, at: int, body: ChangesInput) -> Changes:
    """What somebody wants to be different, with the program that it takes.

    Raises:
        ProgramInvalid: The changed program has errors.
        InvalidInput: It cannot be changed like that.
    """
    cost = body.cost_usd
    if cost is not None and not (math.isfinite(cost) and cost >= 0):
        raise InvalidInput("a budget is an amount in US dollars", hint="Such as 0.50.")
    edited = body.text is not None or body.prompts or body.systems or body.models or body.settings
    bundle = await _bundle(services, run, at, body) if edited or body.program else None
    nanos = None if cost is None else round(cost * 1e9)
    return Changes(body.inputs, bundle, body.bindings, body.value, nanos)


async def plan_of(services: Services, run: str, text: str) -> Plan:
    """An edited program of a run, to be replayed with the tools' files that it was recorded with.

    Raises:
        ProgramInvalid: It has errors.
    """
    recorded = await services.runs.bundle(run)
    bundle = await asyncio.to_thread(services.programs.bundle, recorded.path, text, recorded.files)
    return Plan(bundle.compiled())


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
