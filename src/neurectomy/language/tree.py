"""The lossless syntax tree: nodes without positions, so that unchanged parts can be reused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from neurectomy.language.diagnostics import Problem, Span
from neurectomy.language.lexer import TRIVIA, Token

if TYPE_CHECKING:
    from collections.abc import Iterator


class Node(Struct, frozen=True):
    """A construct: tokens (trivia too) and nodes in the order of the text.

    Attributes:
        width: Characters of all its tokens.
        depth: Nodes from here to the deepest leaf.
    """

    kind: str
    children: tuple[Node | Token, ...]
    width: int
    depth: int


class Declaration(Struct, frozen=True):
    """One declaration of a file, parsed on its own.

    Attributes:
        text: Its text, with the comments above it and the space below.
        problems: Of the parser; spans count from the declaration's start.
    """

    text: str
    node: Node
    problems: tuple[Problem, ...]


class Syntax(Struct, frozen=True):
    """A parsed file: its declarations, whose texts joined are the file's."""

    text: str
    declarations: tuple[Declaration, ...]


class Cursor:
    """A node or token with its place in the text."""

    __slots__ = ("at", "of")

    def __init__(self, of: Node | Token, at: int) -> None:
        self.of = of
        self.at = at

    @property
    def kind(self) -> str:
        """The node's or token's kind."""
        return self.of.kind

    @property
    def text(self) -> str:
        """The token's text; the text of a node's tokens without trivia."""
        if isinstance(self.of, Token):
            return self.of.text
        return "".join(child.text for child in self.children())

    @property
    def span(self) -> Span:
        """From its first to its last token that is not trivia."""
        if isinstance(self.of, Token):
            return Span(self.at, self.at + len(self.of.text))
        first = last = None
        for child in self.children():
            span = child.span
            if span.end > span.start:
                first, last = first or span, span
        if first is None or last is None:
            return Span(self.at, self.at)
        return Span(first.start, last.end)

    def children(self, *, trivia: bool = False) -> Iterator[Cursor]:
        """Nodes and tokens of a node, with their places."""
        at = self.at
        assert isinstance(self.of, Node)
        for child in self.of.children:
            if isinstance(child, Node):
                yield Cursor(child, at)
                at += child.width
            else:
                if trivia or child.kind not in TRIVIA:
                    yield Cursor(child, at)
                at += len(child.text)

    def find(self, *kinds: str) -> Cursor | None:
        """The first child of one of these kinds."""
        return next((child for child in self.children() if child.kind in kinds), None)

    def all(self, *kinds: str) -> list[Cursor]:
        """The children of these kinds."""
        return [child for child in self.children() if child.kind in kinds]

    def docs(self) -> str:
        """The documentation comments among the node's own tokens, before the first other one."""
        lines = []
        for child in self.children(trivia=True):
            if child.kind == "doc":
                lines.append(child.text[2:].strip())
            elif child.kind not in TRIVIA:
                break
        return "\n".join(lines)


def walk(node: Node) -> Iterator[Token]:
    """Every token of a node, in order."""
    waiting: list[Node | Token] = [node]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Token):
            yield item
        else:
            waiting.extend(reversed(item.children))


def skipped_words(node: Node) -> set[str]:
    """The names within the parts of a node that the parser left out."""
    words: set[str] = set()
    waiting: list[Node | Token] = [node]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Node):
            if item.kind == "error":
                words |= {token.text for token in walk(item) if token.kind == "name"}
            else:
                waiting += item.children
    return words
