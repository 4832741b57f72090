"""The fold, checked by the vectors that TypeScript is checked by too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from neurectomy.timeline.fold import fold

VECTORS = json.loads(Path("tests/vectors/fold.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vector(vector) -> None:
    assert fold(vector["state"], vector["patch"], vector["data"]) == vector["result"]


def test_a_patch_that_does_not_fit_is_refused() -> None:
    with pytest.raises(KeyError):
        fold({}, [["set", ["a", "b"], 1]], {})
    with pytest.raises(TypeError):
        fold({}, [["move", ["a"], 1]], {})
