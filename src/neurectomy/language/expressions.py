"""Expressions, types and templates of the grammar."""

from __future__ import annotations

from neurectomy.language.builder import TreeBuilder
from neurectomy.language.mistakes import OPERATORS

_LEVELS = {
    operator: level
    for level, operators in enumerate(
        (("or",), ("and",), ("==", "!=", "<", "<=", ">", ">=", "in"), ("+", "-"), ("*", "/", "%"))
    )
    for operator in operators
}
"""How tightly each binary operator binds."""

_COMPARISON, _TIGHTEST = _LEVELS["=="], max(_LEVELS.values()) + 1

RESERVED = frozenset(
    {"if", "else", "repeat", "parallel", "map", "ask", "return", "yield", "and", "or", "not", "in"}
    | {"true", "false", "null", "while", "with"}
)
"""Words that cannot be names of bindings."""


_PLAIN_TYPES = ("str", "int", "float", "bool", "json", "none", "list", "map")


class ExpressionParser(TreeBuilder):
    """Types, durations, templates and expressions."""

    def type(self, *, whole: bool = True) -> None:
        """A type: a name, ``list[T]``, ``map[T]``, choices of texts, each perhaps optional.

        Args:
            whole: Whether no alternative to it may follow.
        """
        with self.node("type"), self.deeper() as allowed:
            if not allowed:
                return
            start, optional = self.index, self.word("Optional")
            if self.peek().kind == "string":
                self.bump()
                while self.at("|") and self.peek(1).kind == "string":
                    self.bump()
                    self.bump()
            elif self.word("secret") and self._names_type():
                self.bump()
                if not self.word("str"):
                    self.error("a secret is a text", "syntax", "Write secret str.")
                self.bump()
            elif self.name('a type, such as str, list[str] or "yes" | "no"') and self.at("["):
                self.bump()
                inner = self.index
                self.type()
                if optional:
                    hint = f"Write {self.taken(inner)}?"
                    self.error_since(start, "a type has no Optional", "syntax", hint)
                self.expect("]")
            if self.at("?"):
                self.bump()
            if whole and self.at("|"):
                self._alternatives(start)

    def _names_type(self) -> bool:
        """Whether a type's name comes after the next word, and not the name of another field."""
        word = self.peek(1)
        plain = word.kind == "name" and word.text in _PLAIN_TYPES
        return plain and self.peek(2).text != ":"

    def _alternatives(self, start: int) -> None:
        """What follows a type as if it had alternatives, which only texts have."""
        first = self.taken(start)
        with self.node("error"):
            while self.at("|"):
                self.bump()
                before = self.index
                self.type(whole=False)
                if self.index == before:
                    return
            hint = "Only texts are alternatives; json takes any value."
            if self.taken(start) in (f"{first}|null", f"{first}|None", f"{first}|none"):
                hint = f"Write {first}?"
            self.error_since(start, "a type has no alternatives", "syntax", hint)

    def duration(self) -> None:
        """A number and a unit."""
        with self.node("duration"):
            if self.number("a duration, such as 30s"):
                self.name("a unit: ms, s, min or h")

    def retry(self) -> None:
        """A number of attempts and perhaps ``after`` a duration."""
        with self.node("retry"):
            if self.number("how often") and self.word("after"):
                self.bump()
                self.duration()

    def template(self) -> None:
        """A text that may hold ``{{ expressions }}``."""
        with self.node("template"):
            if self.peek().kind in ("string", "block"):
                self.bump()
            else:
                self.error(f"expected a text, found {self.shown()}", "expected", 'Write it in """.')

    def condition(self) -> None:
        """An expression before a block: a record literal in it needs parentheses."""
        self.expression(records=False)

    def expression(self, level: int = 0, *, records: bool = True) -> None:
        """An expression of operators that bind at least as tightly as ``level``."""
        with self.deeper() as allowed:
            if not allowed:
                return
            mark = self.mark()
            self._unary(records=records)
            while (found := self._operator(records=records)) is not None and found >= level:
                if self.at("="):
                    hint = "Compare with `==`."
                    self.error("`=` gives a name a value, and compares nothing", "syntax", hint)
                self.bump()
                self.expression(found + 1, records=records)
                self.wrap(mark, "binary")
                if found == _COMPARISON == self._operator(records=records):
                    self.error(
                        "comparisons cannot be chained",
                        "chained-comparison",
                        "Join two of them with `and`.",
                    )

    def _operator(self, *, records: bool) -> int | None:
        """How tightly the operator binds that comes next; null where none does."""
        token = self.peek()
        if self.foreign("&&", "||") or (not records and self.at("=")):
            return _LEVELS[OPERATORS[token.text]]
        return _LEVELS.get(token.text) if token.kind in ("symbol", "name") else None

    def _unary(self, *, records: bool) -> None:
        if self.foreign("!"):
            with self.node("unary"):
                self.bump()
                self.expression(_TIGHTEST, records=records)
        elif self.word("not"):
            with self.node("unary"):
                self.bump()
                self.expression(_COMPARISON, records=records)
        elif self.at("-"):
            with self.node("unary"):
                self.bump()
                self.expression(_TIGHTEST, records=records)
        else:
            self._postfix(records=records)

    def _postfix(self, *, records: bool) -> None:
        mark = self.mark()
        self._primary(records=records)
        while True:
            if self.at("."):
                self.bump()
                self.name("a field's name")
                self.wrap(mark, "attribute")
            elif self.at("["):
                self.bump()
                self.expression()
                self.expect("]")
                self.wrap(mark, "index")
            else:
                return

    def _primary(self, *, records: bool) -> None:
        token = self.peek()
        if token.kind == "number" or (
            token.kind == "name" and token.text in ("true", "false", "null")
        ):
            with self.node("literal"):
                self.bump()
        elif token.kind in ("string", "block"):
            self.template()
        elif token.kind == "name" and token.text not in RESERVED:
            following = self.peek(1).text
            if following == "(":
                self._call()
            elif following == "{" and records:
                self._record()
            else:
                with self.node("reference"):
                    self.bump()
        elif self.at("("):
            with self.node("group"):
                self.bump()
                self.expression()
                self.expect(")")
        elif self.at("["):
            with self.node("list"):
                self.bump()
                while not self.at("]", "}", ")") and not self.at_end():
                    before = self.index
                    self.expression()
                    if self.index == before or not self.at(","):
                        break
                    self.bump()
                self.expect("]")
        elif self.at("{") and records:
            key = _bare(self.peek(1).text) or "name"
            hint = f"Say of which type it is, and its fields without quotes: Type {{ {key}: ... }}"
            self.error("an object has a type", "expected-value", hint)
            with self.node("missing"):
                self.skip_braces()
        else:
            with self.node("missing"):
                self.error(f"expected a value, found {self.shown()}", "expected-value")

    def _call(self) -> None:
        with self.node("call"):
            self.bump()
            self.bump()
            while not self.at(")", "}") and not self.at_end():
                before = self.index
                with self.node("argument"):
                    if self.peek().kind == "name" and self.peek(1).text == ":":
                        self.bump()
                        self.bump()
                    self.expression()
                if self.index == before or not self.at(","):
                    break
                self.bump()
            self.expect(")")

    def _record(self) -> None:
        with self.node("record"):
            self.bump()
            self.bump()
            while not self.at("}") and not self.at_end():
                before = self.index
                with self.node("value"):
                    if self.peek().kind == "string":
                        hint = f"Leave the quotes out: {_bare(self.peek().text)}: ..."
                        self.error("a field's name has no quotes", "expected", hint)
                        self.bump()
                        if self.expect(":"):
                            self.expression()
                    elif self.name("a field's name") and self.expect(":"):
                        self.expression()
                if self.index == before:
                    break
                if self.at(","):
                    self.bump()
            self.expect("}")


def _bare(text: str) -> str:
    return text.strip("\"'")
