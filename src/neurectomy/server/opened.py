"""The opened folder at the edge: what it is, its programs and models, and what it holds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import neurectomy
from neurectomy.core.errors import InvalidInput
from neurectomy.server.operation import Operation
from neurectomy.server.types import (
    CheckInput,
    Diagnostics,
    ProgramDetail,
    ProgramSummary,
    SandboxState,
    Source,
    Usage,
    Workspace,
)
from neurectomy.server.views import program_detail, program_summary

if TYPE_CHECKING:
    from neurectomy.server.context import Services


async def workspace(services: Services) -> Workspace:
    """The opened folder, its model and its sandbox."""
    model = await services.models.resolve("auto")
    tried = await services.sandboxes.probe()
    sandbox, found = tried[-1]
    reason = "" if found.ok else "; ".join(state.reason for _, state in tried)
    return Workspace(
        services.programs.root.name,
        neurectomy.__version__,
        services.settings.durability,
        services.log.store.name,
        model.profile.label,
        SandboxState(sandbox.name, sandbox.tier, found.ok, reason),
    )


async def list_programs(services: Services) -> list[ProgramSummary]:
    """The programs of the workspace."""

    def read() -> list[ProgramSummary]:
        found = []
        for path in services.programs.paths():
            try:
                found.append(program_summary(services.programs.compile(path)))
            except InvalidInput:
                found.append(ProgramSummary(path, [], 1, 0))
        return found

    return await asyncio.to_thread(read)


async def show_program(services: Services, path: str) -> ProgramDetail:
    """A program's text, its problems and its graphs."""
    return program_detail(await asyncio.to_thread(services.programs.compile, path))


async def check(services: Services, body: CheckInput) -> Diagnostics:
    """What is wrong with a program."""
    compiled = await asyncio.to_thread(services.programs.compile, body.path, body.text)
    return Diagnostics(list(compiled.diagnostics))


async def list_models(services: Services) -> list[Source]:
    """Models that programs can name, and whether they can be used."""
    return await services.models.listing()


async def usage(services: Services) -> Usage:
    """What the workspace holds on the disk."""
    return await asyncio.to_thread(services.log.store.usage)


OPERATIONS = (
    Operation("workspace", "GET", "/api/workspace", "The opened folder", workspace, Workspace),
    Operation(
        "list_programs", "GET", "/api/programs", "Programs", list_programs, list[ProgramSummary]
    ),
    Operation(
        "show_program", "GET", "/api/programs/{path:path}", "A program", show_program, ProgramDetail
    ),
    Operation("check", "POST", "/api/check", "Check a program", check, Diagnostics, CheckInput),
    Operation("list_models", "GET", "/api/models", "Models", list_models, list[Source]),
    Operation("usage", "GET", "/api/usage", "Disk usage", usage, Usage),
)
"""The rows of the table that are about the opened folder."""
