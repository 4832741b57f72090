"""What the edge gives and takes, as data. The OpenAPI document is generated from these."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from neurectomy.agents.graph import GraphNode
from neurectomy.language.diagnostics import Diagnostic
from neurectomy.models.sources import Source
from neurectomy.runs.replay import Replay
from neurectomy.storage.port import RunUsage, Usage
from neurectomy.timeline.event import Event

Title = Annotated[str, Meta(max_length=200)]
Labels = Annotated[
    dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=256)]],
    Meta(max_length=32),
]


class Parent(Struct, frozen=True):
    """Where a fork left its parent."""

    run: str
    at: int


class Failure(Struct, frozen=True):
    """Why a run failed."""

    code: str
    message: str
    hint: str = ""
    step: str = ""


class Run(Struct, frozen=True):
    """A run. Times are microseconds since the epoch; result and error come with one run only."""

    id: str
    flow: str
    source: str
    title: str
    status: str
    created: int
    ended: int | None
    head: int
    parent: Parent | None
    accounts: dict[str, int]
    labels: dict[str, str]
    live: bool
    result: Any = None
    error: Failure | None = None


class RunPage(Struct, frozen=True):
    """Runs, newest first; ``next`` is passed as ``before`` for more."""

    runs: list[Run]
    next: str | None


class SandboxState(Struct, frozen=True):
    """The sandbox that tools get here."""

    name: str
    tier: str
    ok: bool
    reason: str


class Workspace(Struct, frozen=True):
    """The opened folder."""

    name: str
    version: str
    durability: str
    store: str
    auto_model: str
    sandbox: SandboxState


class FlowView(Struct, frozen=True):
    """A flow: ``parameters`` is the JSON Schema of its inputs."""

    name: str
    description: str
    parameters: dict[str, Any]
    returns: str
    graph: list[GraphNode]


class AgentView(Struct, frozen=True):
    """An agent of a program; ``prompt`` and ``system`` are as people edit them."""

    name: str
    model: str
    tools: list[str]
    returns: str
    description: str
    line: int
    prompt: str
    system: str | None


class ToolView(Struct, frozen=True):
    """A tool of a program."""

    name: str
    returns: str
    sandbox: str
    path: str
    description: str


class ModelView(Struct, frozen=True):
    """A model that a program declares."""

    name: str
    source: str
    settings: dict[str, float] = {}


class ProgramSummary(Struct, frozen=True):
    """A program in a list."""

    path: str
    flows: list[str]
    errors: int
    warnings: int


class ProgramDetail(Struct, frozen=True):
    """A program with all that is drawn of it."""

    path: str
    text: str
    diagnostics: list[Diagnostic]
    flows: list[FlowView]
    agents: list[AgentView]
    tools: list[ToolView]
    models: list[ModelView]


class Diagnostics(Struct, frozen=True):
    """What is wrong with a program."""

    diagnostics: list[Diagnostic]


class EventPage(Struct, frozen=True):
    """Events in order; the run has more while the last ``seq`` is below ``head``."""

    events: list[Event]
    head: int
    status: str


class StateView(Struct, frozen=True):
    """The state after an event."""

    seq: int
    state: Any


class CheckInput(Struct, frozen=True, forbid_unknown_fields=True):
    """Which program to check; with ``text``, as if its file held that."""

    path: str
    text: str | None = None


class StartInput(Struct, frozen=True, forbid_unknown_fields=True):
    """What to run; ``flow`` may be left out where the program has one.

    ``breakpoints`` are as those of `BreakpointsInput`.
    """

    program: str
    inputs: dict[str, Any] = {}
    flow: str = ""
    title: Title = ""
    labels: Labels = {}
    breakpoints: list[str] = []


class LabelInput(Struct, frozen=True, forbid_unknown_fields=True):
    """The labels that a run has from now on."""

    labels: Labels


class ChangesInput(Struct, frozen=True, forbid_unknown_fields=True):
    """What is different from a moment on; whatever is left out stays as it was.

    Attributes:
        program: A program of the workspace, as it is now, with its tools.
        text: The program's text. Prompts, models and settings change it further.
        prompts: By agent; ``{{ }}`` in them are values. Likewise ``systems``.
        models: Sources by the name of the model, such as ``openai:gpt-5``.
        settings: Of models, by the name of the model and the setting.
        bindings: Values of names in scope, by the step path of their flow or map item.
        value: What the call returns, or the person answers, that the event ends.
        cost_usd: The most that the run may cost, what it has cost so far included.
    """

    inputs: dict[str, Any] = {}
    program: str = ""
    text: str | None = None
    prompts: dict[str, str] = {}
    systems: dict[str, str] = {}
    models: dict[str, str] = {}
    settings: dict[str, dict[str, float]] = {}
    bindings: dict[str, dict[str, Any]] = {}
    value: Any | UnsetType = UNSET
    cost_usd: float | None = None


class ForkInput(ChangesInput, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where to fork, and what is different from there on."""

    at: int
    start: bool = True
    labels: Labels = {}


class ReplayInput(Struct, frozen=True, forbid_unknown_fields=True):
    """What to replay.

    Attributes:
        text: Of a program to compare with, instead of the one that the run was recorded with.
        until: The last event to compare; the run's last one by default.
    """

    text: str | None = None
    until: int | None = None


class CellInput(Struct, frozen=True, forbid_unknown_fields=True):
    """One way to go on in an experiment, with what people call it."""

    names: dict[str, str]
    changes: ChangesInput = ChangesInput()


class WhatIfInput(Struct, frozen=True, forbid_unknown_fields=True):
    """An experiment: every cell is forked after the event ``at``, ``samples`` times."""

    at: int
    cells: list[CellInput]
    samples: int = 1
    budget_usd: float | None = None
    parallel: int = 4


class Started(Struct, frozen=True):
    """The id of what was started."""

    id: str


class BreakpointsInput(Struct, frozen=True, forbid_unknown_fields=True):
    """Breakpoints instead of those that a run has.

    Attributes:
        breakpoints: Names of agents, tools or steps, or conditions over the names of
            `neurectomy.runs.breakpoints.NAMES`, such as ``cost > 0.10`` or ``tool == "send"``.
    """

    breakpoints: list[str]


class ContinueInput(Struct, frozen=True, forbid_unknown_fields=True):
    """How a paused run goes on: to the next breakpoint, or only to the next ``step``."""

    step: bool = False


class AnswerInput(Struct, frozen=True, forbid_unknown_fields=True):
    """What a run waits for at a step."""

    step: str
    value: Any = None
    decision: Literal["", "retry", "fail", "value"] = ""


__all__ = ["Diagnostic", "Event", "GraphNode", "Replay", "RunUsage", "Source", "Usage"]
