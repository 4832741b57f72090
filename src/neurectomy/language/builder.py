"""Tokens to a tree: taking them one by one, and saying what was expected instead."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from neurectomy.language.diagnostics import Problem, Span
from neurectomy.language.lexer import TRIVIA, Token
from neurectomy.language.tree import Node

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_NESTED = 64
"""Constructs within constructs; beyond it the text is refused, so that no recursion is deep."""

_END = Token("newline", "")


class TreeBuilder:
    """Tokens in, nodes out: trivia goes with the token after it."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.index = 0
        self.problems: list[Problem] = []
        self._stack: list[list[Node | Token]] = [[]]
        self._significant = [i for i, token in enumerate(tokens) if token.kind not in TRIVIA]
        self._offsets = [0]
        for token in tokens:
            self._offsets.append(self._offsets[-1] + len(token.text))
        self._taken = 0
        self._depth = 0
        self._last_error = -1

    def peek(self, ahead: int = 0) -> Token:
        """A token to come, trivia left out; an empty one after the last."""
        place = self.index + ahead
        return self.tokens[self._significant[place]] if place < len(self._significant) else _END

    def at_end(self) -> bool:
        """Whether only trivia is left."""
        return self.index >= len(self._significant)

    def at(self, *symbols: str) -> bool:
        """Whether one of these symbols comes next."""
        token = self.peek()
        return token.kind == "symbol" and token.text in symbols

    def word(self, *words: str) -> bool:
        """Whether one of these words comes next."""
        token = self.peek()
        return token.kind == "name" and token.text in words

    def shown(self) -> str:
        """The next token for a message."""
        if self.at_end():
            return "the end"
        token = self.peek()
        return f"`{token.text}`" if len(token.text) <= 30 else f"`{token.text[:27]}...`"

    def span(self) -> Span:
        """Of the next token; at the end, the place after the last one."""
        if self.at_end():
            last = self._significant[-1] if self._significant else -1
            end = self._offsets[last + 1]
            return Span(max(0, end - 1), end)
        place = self._significant[self.index]
        return Span(self._offsets[place], self._offsets[place + 1])

    def error(self, message: str, code: str = "syntax", hint: str = "") -> None:
        """Something is wrong at the next token; a second error at one place is not told."""
        if self.index == self._last_error:
            return
        self._last_error = self.index
        if self.peek().problem:
            code, message, hint = "bad-token", self.peek().problem, self.peek().hint
        self.problems.append(Problem(self.span(), code, message, hint))

    def error_at_last(self, message: str, code: str, hint: str = "") -> None:
        """Something is wrong with the token just taken."""
        place = self._significant[self.index - 1]
        span = Span(self._offsets[place], self._offsets[place + 1])
        self.problems.append(Problem(span, code, message, hint))

    def error_since(self, start: int, message: str, code: str, hint: str = "") -> None:
        """Something is wrong with all that was taken since the index was ``start``."""
        first, last = self._significant[start], self._significant[self.index - 1]
        span = Span(self._offsets[first], self._offsets[last + 1])
        self.problems.append(Problem(span, code, message, hint))

    def taken(self, start: int) -> str:
        """The text of the tokens that were taken since the index was ``start``."""
        return "".join(self.tokens[place].text for place in self._significant[start : self.index])

    def foreign(self, *texts: str) -> bool:
        """Whether one of these comes next, which other languages write and this one does not."""
        token = self.peek()
        return token.kind == "unknown" and token.text in texts

    def bump(self) -> None:
        """Take the next token, and the trivia before it, into the open node."""
        if self.at_end():
            return
        place = self._significant[self.index]
        self._stack[-1].extend(self.tokens[self._taken : place + 1])
        token = self.tokens[place]
        if token.problem and self.index != self._last_error:
            span = Span(self._offsets[place], self._offsets[place + 1])
            self.problems.append(Problem(span, "bad-token", token.problem, token.hint))
        self._taken = place + 1
        self.index += 1

    def rest(self) -> None:
        """Take everything that is left, as an error node where it is more than trivia."""
        if not self.at_end():
            with self.node("error"):
                while not self.at_end():
                    self.bump()
            self._last_error = self.index
        self._stack[-1].extend(self.tokens[self._taken :])
        self._taken = len(self.tokens)

    def skip(self) -> None:
        """Take the next token as an error."""
        self.error(f"{self.shown()} is not expected here", "unexpected")
        with self.node("error"):
            self.bump()

    def skip_line(self) -> None:
        """Take the tokens of this line as an error, blocks included, up to a closing brace."""
        self.error(f"{self.shown()} is not expected here", "unexpected")
        with self.node("error"):
            depth = 0
            while not self.at_end():
                if self.at("{", "(", "["):
                    depth += 1
                elif self.at("}", ")", "]"):
                    if depth == 0 and self.at("}"):
                        return
                    depth = max(0, depth - 1)
                self.bump()
                if depth == 0 and self._line_ends():
                    return

    def skip_braces(self) -> None:
        """Take what is in braces as an error that was told already."""
        with self.node("error"):
            depth = 0
            while not self.at_end():
                depth += self.at("{") - self.at("}")
                self.bump()
                if depth == 0:
                    return

    def drop_line(self) -> None:
        """Take the rest of the line as an error that was told already."""
        with self.node("error"):
            while not self.at("}") and not self._line_ends():
                self.bump()

    def _line_ends(self) -> bool:
        if self.at_end():
            return True
        between = self.tokens[self._taken : self._significant[self.index]]
        return any(token.kind == "newline" for token in between)

    @contextmanager
    def node(self, kind: str) -> Iterator[list[Node]]:
        """Open a node; it is closed, and given to the list, at the end of the block."""
        self._stack.append([])
        done: list[Node] = []
        try:
            yield done
        finally:
            done.append(_made(kind, self._stack.pop()))
            self._stack[-1].append(done[0])

    def mark(self) -> int:
        """A place in the open node from which `wrap` can begin."""
        return len(self._stack[-1])

    def wrap(self, mark: int, kind: str) -> None:
        """Put what the open node has since ``mark`` into a node of its own."""
        children = self._stack[-1][mark:]
        self._stack[-1][mark:] = [_made(kind, children)]

    @contextmanager
    def deeper(self) -> Iterator[bool]:
        """One level of nesting; gives false, with an error, where there are too many."""
        self._depth += 1
        try:
            if self._depth > MOST_NESTED:
                self.error(f"nested more than {MOST_NESTED} deep", "too-deep", "Split it up.")
                self.rest()
            yield self._depth <= MOST_NESTED
        finally:
            self._depth -= 1

    def expect(self, symbol: str, hint: str = "") -> bool:
        """Take a symbol, or say that it is missing."""
        if self.at(symbol):
            self.bump()
            return True
        self.error(f"expected `{symbol}`, found {self.shown()}", "expected", hint)
        return False

    def expect_word(self, word: str, hint: str = "") -> bool:
        """Take a word, or say that it is missing."""
        if self.word(word):
            self.bump()
            return True
        self.error(f"expected `{word}`, found {self.shown()}", "expected", hint)
        return False

    def name(self, what: str, hint: str = "") -> bool:
        """Take a name, or say that it is missing."""
        if self.peek().kind == "name":
            self.bump()
            return True
        self.error(f"expected {what}, found {self.shown()}", "expected", hint)
        return False

    def number(self, what: str) -> bool:
        """Take a number, or say that it is missing."""
        if self.peek().kind == "number":
            self.bump()
            return True
        self.error(f"expected {what}, found {self.shown()}", "expected")
        return False

    def string(self, what: str) -> bool:
        """Take a text in quotes, or say that it is missing."""
        if self.peek().kind == "string":
            self.bump()
            return True
        self.error(f"expected {what}, found {self.shown()}", "expected")
        return False


def _made(kind: str, children: list[Node | Token]) -> Node:
    width, depth = 0, 0
    for child in children:
        if isinstance(child, Node):
            width += child.width
            depth = max(depth, child.depth)
        else:
            width += len(child.text)
    return Node(kind, tuple(children), width, depth + 1)
