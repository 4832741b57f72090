"""Text to tree, declaration by declaration. Never raises; what it cannot read becomes an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurectomy.language.blocks import StatementParser
from neurectomy.language.lexer import TRIVIA, Token, tokenize
from neurectomy.language.tree import Declaration, Syntax

if TYPE_CHECKING:
    from collections.abc import Iterator

DECLARATIONS = ("model", "tool", "type", "agent", "flow")
"""The words that begin a declaration at the start of a line."""


def parse(text: str, previous: Syntax | None = None) -> Syntax:
    """The tree of a file; declarations whose text is that of ``previous`` are not parsed again."""
    known = {d.text: d for d in previous.declarations} if previous is not None else {}
    parts = []
    for tokens in _split(tokenize(text)):
        part = "".join(token.text for token in tokens)
        parts.append(known.get(part) or _Parser(tokens).declaration(part))
    return Syntax(text, tuple(parts))


def _split(tokens: list[Token]) -> Iterator[list[Token]]:
    """Cut before each line that begins with a declaration's word, comments above it included.

    An indented line begins one only outside of all braces; one that is not begins one in any case,
    so that a brace that is missing spoils one declaration and no more.
    """
    cuts, comments, depth = [0], -1, 0
    line_start, indented = True, False
    for index, token in enumerate(tokens):
        if line_start and token.kind == "space":
            indented = True
            continue
        if line_start:
            declares = token.kind == "name" and token.text in DECLARATIONS
            if declares and (not indented or depth <= 0) and _declares(tokens, index):
                cuts.append(comments if comments >= 0 else index)
                depth = 0
            if token.kind in ("comment", "doc"):
                comments = index if comments < 0 else comments
            elif token.kind == "newline":
                comments = -1
        if token.kind == "symbol":
            depth += (token.text in "{([") - (token.text in "})]")
        line_start, indented = token.kind == "newline", False
        if not line_start and token.kind not in TRIVIA:
            comments = -1
    for start, end in zip(cuts, [*cuts[1:], len(tokens)], strict=True):
        if end > start:
            yield tokens[start:end]


def _declares(tokens: list[Token], index: int) -> bool:
    """Whether a word at the start of a line is followed by a name on the same line."""
    for token in tokens[index + 1 : index + 3]:
        if token.kind == "name":
            return True
        if token.kind != "space":
            return False
    return index + 1 >= len(tokens)


class _Parser(StatementParser):
    """Recursive descent over the tokens of one declaration."""

    def declaration(self, text: str) -> Declaration:
        with self.node("declaration") as done:
            kind = self.peek()
            if kind.kind == "name" and kind.text in DECLARATIONS:
                getattr(self, f"_{kind.text}")()
                if not self.at_end():
                    self.error(f"{self.shown()} is left over after the {kind.text}", "leftover")
            elif not self.at_end():
                words = ", ".join(DECLARATIONS)
                self.error(
                    f"expected a declaration, found {self.shown()}",
                    "expected-declaration",
                    f"A file holds declarations that begin with {words}.",
                )
            self.rest()
        return Declaration(text, done[0], tuple(self.problems))

    def _model(self) -> None:
        self.bump()
        self.name("the model's name")
        self.expect("=")
        with self.node("source"):
            if self.peek().kind not in ("name", "string"):
                self.error(
                    f"expected a source, found {self.shown()}",
                    "expected-source",
                    'Write auto, offline or "provider:name".',
                )
            else:
                self.bump()
        if self.at("{"):
            self.bump()
            while not self.at("}") and not self.at_end():
                with self.node("setting"):
                    if not self.name("a setting"):
                        self.skip()
                    else:
                        self.expression()
            self.expect("}")

    def _type(self) -> None:
        self.bump()
        self.name("the type's name")
        if self.expect("{"):
            while not self.at("}") and not self.at_end():
                self._field("field")
                if self.at(","):
                    self.bump()
            self.expect("}")

    def _field(self, kind: str) -> None:
        before = self.index
        with self.node(kind):
            if self.name("a name") and self.expect(":"):
                self.type()
                if self.at("="):
                    self.bump()
                    with self.node("default"):
                        self.expression()
        if self.index == before:
            self.skip()

    def _signature(self, what: str) -> None:
        self.bump()
        self.name(f"the {what}'s name")
        if self.expect("("):
            with self.node("parameters"):
                while not self.at(")", "{", "->") and not self.at_end():
                    self._field("parameter")
                    if not self.at(")"):
                        if not self.at(","):
                            break
                        self.bump()
            self.expect(")")
        if self.expect("->", f"Say what the {what} gives, such as -> str."):
            self.type()

    def _tool(self) -> None:
        self._signature("tool")
        while not self.at_end():
            word = self.peek()
            with self.node("option"):
                if word.kind != "name":
                    self.error(f"{self.shown()} does not belong to a tool", "unexpected", _TOOL)
                    self.skip()
                    continue
                self.bump()
                match word.text:
                    case "from":
                        self.string('the file, such as from "tools/search.py"')
                    case "in":
                        self.name("a sandbox, such as jail")
                    case "idempotent" | "writes":
                        pass
                    case "timeout":
                        self.duration()
                    case "retry":
                        self.retry()
                    case "network":
                        self.string("a host")
                        while self.at(","):
                            self.bump()
                            self.string("a host")
                    case _:
                        self.error_at_last(
                            f"a tool has no option {word.text}", "unknown-option", _TOOL
                        )
                        self.drop_line()

    def _agent(self) -> None:
        self._signature("agent")
        if not self.expect("{"):
            return
        while not self.at("}") and not self.at_end():
            word = self.peek()
            with self.node("option"):
                if word.kind != "name":
                    self.error(f"{self.shown()} does not belong to an agent", "unexpected", _AGENT)
                    self.skip()
                    continue
                self.bump()
                match word.text:
                    case "model":
                        self.name("a name", _MODEL)
                    case "output":
                        self.name("a name")
                    case "tools":
                        self.name("a tool")
                        while self.at(","):
                            self.bump()
                            self.name("a tool")
                    case "prompt" | "system":
                        self.template()
                    case "turns":
                        self.number("a number of turns")
                    case "timeout":
                        self.duration()
                    case "retry":
                        self.retry()
                    case _:
                        self.error_at_last(
                            f"an agent has no option {word.text}", "unknown-option", _AGENT
                        )
                        self.drop_line()
        self.expect("}")

    def _flow(self) -> None:
        self._signature("flow")
        if not self.expect("{"):
            return
        if self.peek().text == "budget" and self.peek(1).kind == "number":
            with self.node("budget"):
                self.bump()
                self._amount()
                while self.at(","):
                    self.bump()
                    self._amount()
        with self.node("body"):
            self.statements()
        self.expect("}")

    def _amount(self) -> None:
        with self.node("amount"):
            if self.number("an amount") and not self.name("usd, tokens, s, min or h"):
                return


_MODEL = 'Write auto, offline, or a name that is declared: model reader = "provider:name"'
_TOOL = "A tool has: from, in, idempotent, writes, timeout, retry, network."
_AGENT = "An agent has: model, tools, prompt, system, turns, output, timeout, retry."
