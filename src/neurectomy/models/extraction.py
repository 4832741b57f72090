"""Answers extracted from what tools returned: items chosen, fields copied, sentences quoted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from neurectomy.models.planning import fits, resolve
from neurectomy.models.words import sentences, stems

if TYPE_CHECKING:
    from neurectomy.models.planning import Known

MOST_ITEMS = 3
"""Items that an answer rests on at most."""

CLOSE = 0.75
"""Share of the best item's score that another needs, to be a part of the answer."""

MOST_SENTENCES = 3


class Extract:
    """Looks for an answer in the results of a conversation."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._question = self._asked()
        self._items = self._ranked()

    def _asked(self) -> set[str]:
        """The stems of the question: of the inputs that went into calls, else of every input."""
        texts = [v for n, v in self._known.inputs if isinstance(v, str) and n in self._known.used]
        texts = texts or [v for _, v in self._known.inputs if isinstance(v, str)]
        return {stem for text in texts for stem in stems(text)}

    def _ranked(self) -> list[dict[str, Any]]:
        """The items of the newest list of objects, those that were objected to at the end."""
        lists = [value for _, value in self._known.results if isinstance(value, list)]
        items = [item for item in lists[-1] if isinstance(item, dict)] if lists else []
        remarks = " ".join(
            value
            for name, value in self._known.inputs
            if isinstance(value, str) and name not in self._known.used
        )
        told = Counter(value for item in items for value in _names(item))

        def objected(item: dict[str, Any]) -> bool:
            return any(name in remarks for name in _names(item) if told[name] == 1)

        return sorted(items, key=objected)

    def text(self) -> str:
        """An answer in words; empty where there is nothing to quote."""
        if self._items:
            return self._quote(self._items[0])
        for _, value in reversed(self._known.results):
            if isinstance(value, str) and value.strip():
                return " ".join(self._best(value))
            if isinstance(value, dict):
                return self._quote(value)
        return ""

    def _quote(self, item: dict[str, Any]) -> str:
        texts = {key: value for key, value in item.items() if isinstance(value, str) and value}
        if not texts:
            return ""
        body = max(texts, key=lambda key: len(texts[key]))
        heads = [value for key, value in texts.items() if key != body and "\n" not in value]
        head = max((value for value in heads if len(value) <= 200), key=len, default="")
        said = " ".join(self._best(texts[body]))
        return f"{head}: {said}" if head and said else head or said

    def _best(self, text: str) -> list[str]:
        """The first sentence, and those that share most with the question, in their order."""
        found = sentences(text)
        if len(found) <= MOST_SENTENCES:
            return found
        shared = [len(self._question & set(stems(one))) for one in found]
        order = sorted(range(1, len(found)), key=lambda i: (-shared[i], i))
        chosen = sorted([0, *[i for i in order[: MOST_SENTENCES - 1] if shared[i]]])
        return [found[i] for i in chosen]

    def value(self, schema: dict[str, Any], root: dict[str, Any]) -> Any:
        """A value of a schema; null where none can be extracted."""
        schema = resolve(schema, root)
        if not self._known.results:
            return None
        copied = self._copied(schema, root)
        if copied is not None:
            return copied
        if schema.get("type") != "object":
            return self._field("", schema, root)
        value: dict[str, Any] = {}
        for name, inner in schema.get("properties", {}).items():
            found = self._field(name, inner, root)
            if found is not None:
                value[name] = found
            elif name in schema.get("required", ()) and not _nullable(inner):
                return None
        return value

    def _copied(self, schema: dict[str, Any], root: dict[str, Any]) -> Any:
        """A result that has the wanted shape already, or the fields of it that are wanted."""
        for _, result in reversed(self._known.results):
            if fits(result, schema, root):
                return result
            if isinstance(result, dict) and schema.get("type") == "object":
                properties = schema.get("properties", {})
                part = {
                    key: result[key]
                    for key, inner in properties.items()
                    if key in result and fits(result[key], inner, root)
                }
                if part and all(key in part for key in schema.get("required", ())):
                    return part
        return None

    def _field(self, name: str, schema: dict[str, Any], root: dict[str, Any]) -> Any:
        schema = resolve(schema, root)
        for _, result in reversed(self._known.results):
            if isinstance(result, dict) and name in result and fits(result[name], schema, root):
                return result[name]
        match schema.get("type"):
            case "string" if "enum" not in schema:
                return self.text() or None
            case "array":
                return self._list(resolve(schema.get("items", {}), root), root)
            case "number":
                return self._confidence()
            case "boolean":
                return bool(self._items)
            case _:
                return None

    def _chosen(self) -> list[dict[str, Any]]:
        best = _score(self._items[0]) if self._items else 0.0
        close = [i for i in self._items[1:MOST_ITEMS] if best and CLOSE * best <= _score(i) <= best]
        return [*self._items[:1], *close]

    def _list(self, schema: dict[str, Any], root: dict[str, Any]) -> list[Any] | None:
        chosen = self._chosen()
        if schema.get("type") == "object":
            keys = schema.get("properties", {})
            parts = [{key: item[key] for key in keys if key in item} for item in chosen]
            return [part for part in parts if fits(part, schema, root)]
        if schema.get("type") == "string":
            return [next((v for v in item.values() if isinstance(v, str)), "") for item in chosen]
        return None

    def _confidence(self) -> float:
        """How far the best item is ahead of the next one, from 0 to 1."""
        if not self._items:
            return 0.0
        best = _score(self._items[0])
        following = _score(self._items[1]) if len(self._items) > 1 else 0.0
        if best <= 0:
            return 0.5
        return round(max(0.05, min(0.99, 0.5 + 0.5 * (1 - max(0.0, following) / best))), 2)


def _nullable(schema: dict[str, Any]) -> bool:
    return any(option.get("type") == "null" for option in schema.get("anyOf", ()))


def _names(item: dict[str, Any]) -> list[str]:
    """The texts of an item by which a remark may mean it."""
    texts = (value for value in item.values() if isinstance(value, str))
    return [text for text in texts if 3 <= len(text) <= 120 and "\n" not in text]


def _score(item: dict[str, Any]) -> float:
    score = item.get("score")
    return float(score) if isinstance(score, int | float) and not isinstance(score, bool) else 0.0
