"""Statements of the grammar, and the blocks that hold them."""

from __future__ import annotations

from neurectomy.language import mistakes
from neurectomy.language.expressions import ExpressionParser

STATEMENTS = frozenset({"if", "repeat", "parallel", "return", "yield"})
_STATEMENT = "A statement is name = ..., if, repeat, parallel, yield or return."


class StatementParser(ExpressionParser):
    """What stands in the body of a flow."""

    def _block(self) -> None:
        with self.node("body"):
            if self.expect("{", "A block stands in braces."):
                self.statements()
                self.expect("}")

    def statements(self) -> None:
        """Statements up to a closing brace."""
        while not self.at("}") and not self.at_end():
            before = self.index
            self._statement()
            if self.index == before and self.foreign(";"):
                self.skip()
            elif self.index == before:
                self.skip_line()

    def _statement(self) -> None:
        with self.deeper() as allowed:
            if not allowed:
                return
            word = self.peek()
            if word.kind != "name":
                self.error(f"expected a statement, found {self.shown()}", "expected", _STATEMENT)
            elif word.text in mistakes.STATEMENTS and self.peek(1).text not in ("=", "("):
                self._foreign_statement(word.text)
            elif word.text in STATEMENTS and self.peek(1).text != "=":
                getattr(self, f"_{word.text}")()
            else:
                self._binding()

    def _foreign_statement(self, word: str) -> None:
        """A loop as other languages write it."""
        self.error(f"there is no statement `{word}`", "expected", mistakes.STATEMENTS[word])
        if word == "for":
            self.skip_line()
            return
        with self.node("repeat"):
            self.bump()
            self.condition()
            self._block()

    def _binding(self) -> None:
        with self.node("binding"):
            if self.peek(1).text != "=":
                hint = "Bind the value to a name: result = ..."
                if self.peek(1).text != "(":
                    hint = _STATEMENT
                self.error(f"expected a statement, found {self.shown()}", "expected", hint)
                self.skip_line()
                return
            self.name("a name")
            self.bump()
            if self.word("ask"):
                self._ask()
            elif self.word("map"):
                self._map()
            else:
                self.expression()
                if self.word("with"):
                    self._with()

    def _with(self) -> None:
        with self.node("with"):
            self.bump()
            while self.word("timeout", "retry"):
                with self.node("option"):
                    word = self.peek().text
                    self.bump()
                    if word == "timeout":
                        self.duration()
                    else:
                        self.retry()

    def _ask(self) -> None:
        with self.node("ask"):
            self.bump()
            self.expect_word("human")
            self.expression()
            if self.expect("->", "Say what the person answers, such as -> bool."):
                self.type()

    def _map(self) -> None:
        with self.node("map"):
            self.bump()
            self.name("a name for the item")
            self.expect_word("in")
            self.condition()
            if self.word("at"):
                self.bump()
                self.expect_word("most")
                self.number("how many at once")
                self.expect_word("at")
                self.expect_word("once")
            self._block()

    def _if(self) -> None:
        with self.node("if"):
            self.bump()
            self.condition()
            self._block()
            if self.word(*mistakes.ELSE_IF):
                message = f"{self.shown()} is `else if` here"
                self.error(message, "syntax", "Write: else if ... { ... }")
                with self.node("body"), self.deeper() as allowed:
                    if allowed:
                        self._if()
            elif self.word("else"):
                self.bump()
                if self.word("if"):
                    with self.node("body"), self.deeper() as allowed:
                        if allowed:
                            self._if()
                else:
                    self._block()

    def _repeat(self) -> None:
        with self.node("repeat"):
            self.bump()
            bound = self.expect_word("at", "Every loop has a bound: repeat at most 3 times.")
            if bound and self.expect_word("most"):
                self.number("how many times")
                self.expect_word("times")
            if self.word("while"):
                self.bump()
                self.condition()
            self._block()

    def _parallel(self) -> None:
        with self.node("parallel"):
            self.bump()
            self._block()

    def _return(self) -> None:
        with self.node("return"):
            self.bump()
            self.expression()

    def _yield(self) -> None:
        with self.node("yield"):
            self.bump()
            self.expression()
