"""The door for what people give a run: secrets are kept by the broker, the rest is redacted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import UNSET, structs

from neurectomy.runs import answers
from neurectomy.runs.forks import taken_from

if TYPE_CHECKING:
    from neurectomy.redaction.redactor import Redactor
    from neurectomy.runs.forks import Changes
    from neurectomy.runs.plan import Plan
    from neurectomy.runs.secrets import Broker


class Door:
    """What goes through here may be checked, stored, shown and sent."""

    def __init__(self, redactor: Redactor, broker: Broker) -> None:
        self._redactor = redactor
        self._broker = broker

    def text(self, text: str) -> str:
        """A title."""
        return self._redactor.text(text)

    def labels(self, labels: dict[str, str] | None) -> dict[str, str]:
        """Labels; there may be none."""
        redacted: dict[str, str] = self._redactor.value(labels or {})
        return redacted

    def inputs(self, run: str, plan: Plan, flow: str, inputs: dict[str, Any]) -> dict[str, Any]:
        """Inputs of a flow, not checked yet."""
        fields = plan.program.flows[flow].parameters if flow in plan.program.flows else ()
        sealed = self._broker.seal_fields(run, inputs, fields, plan.records)
        redacted: dict[str, Any] = self._redactor.value(sealed)
        return redacted

    def answer(self, run: str, plan: Plan, state: dict[str, Any], step: str, value: Any) -> Any:
        """What a person says to what is pending at a step."""
        type_ = answers.asked_type(plan, state, state["pending"][step])
        place = step.rpartition("/")[2]
        return self._redactor.value(self._broker.seal(run, value, type_, plan.records, place))

    def changes(
        self, run: str, plan: Plan, state: dict[str, Any], step: str, changes: Changes
    ) -> Changes:
        """What is to be different from a moment on; a program is no value.

        Args:
            run: That is changed.
            plan: The program that decides from there on.
            state: At that moment.
            step: The call or question that ends in another way; empty where none does.
            changes: Not checked yet.
        """
        value, bindings = changes.value, {}
        if step in state["pending"] and value is not UNSET:
            value = self.answer(run, plan, state, step, value)
        for path, given in changes.bindings.items():
            flow = state["frames"].get(path, {}).get("flow", "")
            made = dict(given)
            for name in given:
                type_ = taken_from(plan, flow, name) if flow in plan.program.flows else None
                if type_ is not None:
                    made[name] = self._broker.seal(run, given[name], type_, plan.records, name)
            bindings[path] = self._redactor.value(made)
        inputs = self.inputs(run, plan, state["flow"], changes.inputs)
        return structs.replace(changes, inputs=inputs, bindings=bindings, value=value)
