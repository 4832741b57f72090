"""How often `lookup` puts a right module and a right function first, with 95 % intervals.

Run with: python examples/stdlib/score.py [dev|held] [--misses]
"""

import json
import math
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "tools"))

import library  # noqa: E402


def wilson(hits, total):
    """Wilson's interval of a share."""
    z, p = 1.96, hits / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return middle - half, middle + half


def main():
    """Score one half and print both figures."""
    half = next((a for a in sys.argv[1:] if not a.startswith("-")), "dev")
    lines = (HERE / "questions.jsonl").read_text("utf-8").splitlines()
    questions = [q for q in map(json.loads, lines) if q["half"] == half]
    began = time.process_time()
    library.warm()
    print(f"read in {time.process_time() - began:.1f} s, {len(library.INDEX.entries)} entries")
    modules = functions = 0
    for question in questions:
        found = library.lookup(question["question"])
        right = found and found[0]["module"] in question["modules"]
        exact = found and found[0]["name"] in question["functions"]
        modules += bool(right)
        functions += bool(exact)
        if "--misses" in sys.argv and not exact:
            names = ", ".join(f"{f['name']} {f['score']:.1f}" for f in found)
            print(f"{'m' if right else ' '} {question['question']}\n    {names}")
    for what, hits in (("module", modules), ("function", functions)):
        low, high = wilson(hits, len(questions))
        share = hits / len(questions)
        print(f"right {what} first: {hits}/{len(questions)} = {share:.1%} ({low:.1%}-{high:.1%})")


if __name__ == "__main__":
    main()
