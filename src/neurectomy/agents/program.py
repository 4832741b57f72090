"""The agent program: models, tools, types, agents and flows, all by name."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct

from neurectomy.agents.expressions import Expression, Template
from neurectomy.agents.types import Field, Record, Type
from neurectomy.core import codecs


class Retry(Struct, frozen=True):
    """How often a call is tried again and how long the first wait is (it doubles each time)."""

    times: int = 0
    wait_ms: int = 500


class ModelDeclaration(Struct, frozen=True):
    """``model reader = auto`` or ``model reader = "openai:gpt-5" { temperature 0.2 }``.

    Attributes:
        source: ``auto``, ``offline`` or ``provider:name``.
        settings: ``temperature``, ``max_tokens``, ``seed``, ``top_p`` where given.
    """

    name: str
    source: str
    settings: dict[str, Any] = {}


class ToolDeclaration(Struct, frozen=True):
    """A Python function in a file of the workspace.

    Attributes:
        path: The file, relative to the program's folder.
        function: Its name there.
        sandbox: Tier asked for; ``jail`` unless said otherwise.
        network: Hosts that it may reach; none by default.
        idempotent: Whether a call in flight may simply be made again.
        writes: Whether it changes files of the program's folder.
        timeout_ms: Limit of one call, milliseconds.
    """

    name: str
    parameters: tuple[Field, ...]
    returns: Type
    path: str
    function: str
    description: str = ""
    sandbox: str = "jail"
    network: tuple[str, ...] = ()
    idempotent: bool = False
    writes: bool = False
    timeout_ms: int = 30_000
    retry: Retry = Retry()


OutputMode = Literal["auto", "tool", "native", "prompted"]


class AgentDeclaration(Struct, frozen=True):
    """A model with a prompt and tools that answers with a value of a type.

    Attributes:
        prompt: Template over the parameters, rendered as the first user message.
        system: Template rendered as the system message; may be absent.
        turns: Most model requests of one call.
        output: How structured output is asked for; ``auto`` goes by the model's abilities.
    """

    name: str
    parameters: tuple[Field, ...]
    returns: Type
    model: str
    prompt: Template
    system: Template | None = None
    tools: tuple[str, ...] = ()
    turns: int = 10
    output: OutputMode = "auto"
    timeout_ms: int = 120_000
    retry: Retry = Retry(times=2, wait_ms=500)
    description: str = ""


class Budget(Struct, frozen=True):
    """Limits of a run; ``None`` means no limit of that kind.

    Attributes:
        cost_nanos: Money, in billionths of a US dollar.
        tokens: Input and output tokens together.
        time_ms: Wall time, milliseconds.
    """

    cost_nanos: int | None = None
    tokens: int | None = None
    time_ms: int | None = None

    @property
    def limits_models(self) -> bool:
        """Whether it limits what models may cost."""
        return self.tokens is not None or self.cost_nanos is not None


class Bind(Struct, frozen=True, tag="bind"):
    """``name = expression``."""

    node: str
    name: str
    value: Expression
    line: int = 0


class Call(Struct, frozen=True, tag="call"):
    """``name = callee(arguments)``; the callee is an agent, a tool or a flow.

    ``timeout_ms`` and ``retry`` override those of the callee's declaration.
    """

    node: str
    name: str
    callee: str
    arguments: tuple[tuple[str, Expression], ...]
    timeout_ms: int | None = None
    retry: Retry | None = None
    line: int = 0


class AskHuman(Struct, frozen=True, tag="ask"):
    """``name = ask human "question" -> T``: the run waits for a person's answer."""

    node: str
    name: str
    question: Expression
    answer: Type
    line: int = 0


class If(Struct, frozen=True, tag="if"):
    """``if condition { ... } else { ... }``."""

    node: str
    condition: Expression
    then: tuple[Statement, ...]
    otherwise: tuple[Statement, ...] = ()
    line: int = 0


class Repeat(Struct, frozen=True, tag="repeat"):
    """``repeat at most N times while condition { ... }``; the condition is looked at first."""

    node: str
    times: int
    condition: Expression | None
    body: tuple[Statement, ...]
    line: int = 0


class Parallel(Struct, frozen=True, tag="parallel"):
    """``parallel { ... }``: each statement is a branch; their bindings are visible after it."""

    node: str
    branches: tuple[Statement, ...]
    line: int = 0


class Map(Struct, frozen=True, tag="map"):
    """``name = map item in items at most K at once { ... yield value }``: results in order."""

    node: str
    name: str
    item: str
    items: Expression
    body: tuple[Statement, ...]
    limit: int | None = None
    line: int = 0


class Yield(Struct, frozen=True, tag="yield"):
    """``yield value``: the result of one iteration of a map, at the end of its body."""

    node: str
    value: Expression
    line: int = 0


class Return(Struct, frozen=True, tag="return"):
    """``return value``: ends the flow."""

    node: str
    value: Expression
    line: int = 0


Statement = Bind | Call | AskHuman | If | Repeat | Parallel | Map | Yield | Return


class FlowDeclaration(Struct, frozen=True):
    """Structured steps over named bindings."""

    name: str
    parameters: tuple[Field, ...]
    returns: Type
    body: tuple[Statement, ...]
    budget: Budget = Budget()
    description: str = ""


class Program(Struct, frozen=True):
    """Everything that one ``.agent`` file declares."""

    models: dict[str, ModelDeclaration] = {}
    tools: dict[str, ToolDeclaration] = {}
    types: dict[str, Record] = {}
    agents: dict[str, AgentDeclaration] = {}
    flows: dict[str, FlowDeclaration] = {}


def to_data(program: Program) -> dict[str, Any]:
    """The program as JSON-able data, lines included; `from_data` reads it back."""
    data: dict[str, Any] = msgspec.to_builtins(program)
    return data


def from_data(data: dict[str, Any]) -> Program:
    """The program that `to_data` wrote.

    Raises:
        msgspec.ValidationError: The data is not a program.
    """
    return msgspec.convert(data, Program)


def meaning(program: Program) -> str:
    """Hash of what the program does: positions in the text do not count, names and order do."""
    return codecs.canonical_digest(_without_lines(msgspec.to_builtins(program)))


def _without_lines(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_lines(item) for key, item in value.items() if key != "line"}
    if isinstance(value, list | tuple):
        return [_without_lines(item) for item in value]
    return value
