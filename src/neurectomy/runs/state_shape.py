"""The shape that every reader of a run's state relies on; see ``docs/reference/run-log.md``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from neurectomy.agents.expressions import Expression
from neurectomy.storage.port import RunStatus

_Count = Annotated[int, Meta(ge=0, le=2**53)]
_Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class Chunked(Struct):
    """A long list as keyframes have it."""

    listed: list[str] = msgspec.field(name="$list")
    count: _Count
    tail: list[Any]


Listed = list[Any] | Chunked


class Retry(Struct):
    """How often what failed is tried again."""

    times: _Count
    wait_ms: _Count


class FlowFrame(Struct, tag_field="kind", tag="flow"):
    """A flow that goes on."""

    callee: str
    flow: str
    parent: str
    node: str
    env: dict[str, Any]
    at: str | None
    counts: dict[str, _Count]
    started: _Count
    joined: Listed
    spent: dict[str, int] | None = None


class ItemFrame(FlowFrame, tag_field="kind", tag="item", kw_only=True):
    """An item of a map that goes on."""

    index: _Count


class MapFrame(Struct, tag_field="kind", tag="map"):
    """A map that goes on."""

    callee: str
    flow: str
    parent: str
    node: str
    args: dict[str, Any]
    count: _Count
    next: _Count
    open: _Count
    done: Listed


class AgentFrame(Struct, tag_field="kind", tag="agent"):
    """A conversation that goes on."""

    callee: str
    parent: str
    node: str
    args: dict[str, Any]
    messages: Listed
    turn: _Count
    attempt: _Count
    phase: str
    output: str
    calls: _Count
    acted: _Count
    joined: Listed
    problem: Any
    retry: Retry
    timeout_ms: _Count | None


class ToolFrame(Struct, tag_field="kind", tag="tool"):
    """A call of a tool that goes on."""

    callee: str
    parent: str
    node: str
    args: dict[str, Any]
    attempt: _Count
    phase: str
    retry: Retry
    timeout_ms: _Count | None
    call: str = ""


class AskFrame(Struct, tag_field="kind", tag="ask"):
    """A question to a person."""

    callee: str
    parent: str
    node: str


Frame = FlowFrame | ItemFrame | MapFrame | AgentFrame | ToolFrame | AskFrame


class Reserved(Struct):
    """The most that a request may cost."""

    tokens: _Count
    cost_nanos: int | float | None


class Pending(Struct):
    """An effect that has not ended."""

    kind: Literal["model", "tool", "human", "timer", "unknown", "secret"]
    frame: str
    seq: _Count
    reserved: Reserved | UnsetType = UNSET
    ms: _Count | UnsetType = UNSET
    secret: str | UnsetType = UNSET


class Profile(Struct):
    """What is known of a model; see `neurectomy.models.port.ModelProfile`."""

    id: str
    output_modes: list[str]
    max_output_tokens: _Count
    input_nanos: float | None = None
    output_nanos: float | None = None


class Limits(Struct):
    """What a run may use."""

    parallel: Annotated[int, Meta(ge=1)]
    cost_nanos: int | None = None


class Files(Struct):
    """What tools see; values may be references."""

    root: _Digest
    beside: Any
    skipped: Any
    folder: str


class Watched(Struct):
    """A breakpoint."""

    text: str
    when: Expression
    once: bool
    spent: bool = False


class Paused(Struct):
    """Before what a run waits."""

    step: str
    kind: str
    breakpoint: str
    seq: _Count


class State(Struct):
    """The whole of it; what is not listed is passed over."""

    status: RunStatus
    flow: str
    program: str
    inputs: dict[str, Any]
    models: dict[str, Profile]
    limits: Limits
    frames: dict[str, Frame]
    ready: dict[str, list[int] | Chunked]
    pending: dict[str, Pending]
    accounts: dict[str, int | float]
    result: Any
    error: dict[str, Any] | None
    files: Files | UnsetType = UNSET
    breakpoints: list[Watched] | Chunked = []
    paused: Paused | None = None
    passed: str = ""
    stepping: bool = False
