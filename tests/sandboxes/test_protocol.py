"""What calls write to the session, honest or not, comes out as an outcome and never as an error."""

from __future__ import annotations

import asyncio
import json
import struct

import msgspec
import pytest
from hypothesis import given, settings, strategies

from neurectomy.core.errors import InvalidInput
from neurectomy.sandboxes.frames import Ended, outcome
from neurectomy.sandboxes.port import Limits, SessionSpec

LIMITS = Limits(wall_ms=3000, cpu_s=1)
SIZES = {name: getattr(LIMITS, name) for name in LIMITS.__struct_fields__}
BROKEN = "the tool broke the protocol"


async def works(session) -> bool:
    outcome = await session.call("point", {"x": 1, "y": 1}, LIMITS)
    return outcome.value == {"x": 1, "y": 1}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('{"x": 1}', BROKEN),
        ("[]", BROKEN),
        ("{", BROKEN),
        ("\xff", BROKEN),
        ("[" * 100_000, BROKEN),
        ('{"status": "ok", "value": ' + "9" * 5000 + "}", BROKEN),
        ('{"status": "ended"}', BROKEN),
        ('{"status": "limit"}', BROKEN),
        ('{"status": "limit", "limit": "everything"}', BROKEN),
        ('{"status": "raised", "error": 1}', BROKEN),
        ('{"status": "ok", "value": NaN}', f"{BROKEN}: JSON has no number nan"),
        ('{"status": "ok", "value": [-1e999]}', f"{BROKEN}: JSON has no number -inf"),
        ('{"status": "ok", "value": 9223372036854775808}', f"{BROKEN}: a tool returns whole"),
        ('{"status": "ok", "value": ' + "[" * 200 + "]" * 200 + "}", f"{BROKEN}: a tool returns"),
    ],
)
async def test_what_is_no_answer_is_told_as_such(session, text: str, error: str) -> None:
    outcome = await session.call("answer", {"text": text}, LIMITS)
    assert outcome.status == "crashed"
    assert outcome.error.startswith(error)
    assert await works(session)


@pytest.mark.anyio
async def test_a_call_has_no_say_in_what_the_worker_says_of_it(session) -> None:
    text = '{"status": "ok", "value": 1, "id": 7, "stdout": "forged", "cpu_us": -5, "limit": ""}'
    outcome = await session.call("answer", {"text": text}, LIMITS)
    assert (outcome.status, outcome.value, outcome.stdout) == ("ok", 1, "")
    assert outcome.cpu_us >= 0


@pytest.mark.anyio
async def test_halves_of_surrogate_pairs_become_replacement_characters(session) -> None:
    assert (await session.call("names", {}, LIMITS)).value == {"caf\ufffd": "caf\ufffd"}
    text = r'{"status": "ok", "value": {"\ud800": ["\udc00x", "\ud83d\ude00"]}}'
    outcome = await session.call("answer", {"text": text}, LIMITS)
    assert outcome.value == {"\ufffd": ["\ufffdx", "\N{GRINNING FACE}"]}
    text = r'{"status": "raised", "error": "\ud800", "traceback": "\udfff"}'
    outcome = await session.call("answer", {"text": text}, LIMITS)
    assert (outcome.error, outcome.traceback) == ("\ufffd", "\ufffd")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("function", "arguments", "text"),
    [
        ("circular", {}, "at most 100 levels"),
        ("nested", {"depth": 101}, "at most 100 levels"),
        ("some_bytes", {}, "not bytes"),
        ("generator", {}, "not generator"),
        ("power", {"exponent": 63}, "whole numbers"),
        ("power", {"exponent": 100_000}, "whole numbers"),
        ("infinite", {}, "no number inf"),
        ("unspeakable", {}, "Unspeakable"),
        ("leave_with_object", {}, "exit(Code)"),
    ],
)
async def test_values_that_are_not_json_are_named(
    session, function: str, arguments: dict[str, int], text: str
) -> None:
    outcome = await session.call(function, arguments, LIMITS)
    assert outcome.status == "raised"
    assert text in outcome.error
    assert await works(session)


@pytest.mark.anyio
async def test_values_up_to_the_limits_come_out(session) -> None:
    outcome = await session.call("nested", {"depth": 100}, LIMITS)
    assert outcome.status == "ok"
    outcome = await session.call("power", {"exponent": 63, "add": -1}, LIMITS)
    assert outcome.value == 2**63 - 1


@pytest.mark.anyio
async def test_a_call_cannot_break_its_streams_for_others(session) -> None:
    outcome = await session.call("close_all", {}, LIMITS)
    assert outcome.status == "crashed"
    assert "without a result" in outcome.error
    outcome = await session.call("write_to_output", {}, LIMITS)
    assert (outcome.status, outcome.value) == ("ok", "written")
    assert outcome.stdout == '\x00\x00\x00\x10{"id": 1}\ufffd\n'
    assert (await session.call("replace_streams", {}, LIMITS)).value == "replaced"
    assert await works(session)


@pytest.mark.anyio
async def test_a_call_inherits_no_pipe_of_another(session) -> None:
    hanging = [asyncio.create_task(session.call("hang", {}, LIMITS)) for _ in range(3)]
    await asyncio.sleep(0.3)
    assert (await session.call("inherited", {}, LIMITS)).value == 1
    assert (await session.call("readable_pipes", {}, LIMITS)).value == 0
    for task in hanging:
        task.cancel()


@pytest.mark.anyio
async def test_a_process_left_behind_ends_with_its_call(session) -> None:
    outcome = await session.call("outlive", {}, LIMITS)
    assert (outcome.status, outcome.value) == ("ok", "left")
    assert outcome.wall_us < 2_000_000
    assert await works(session)


@pytest.mark.anyio
@pytest.mark.parametrize("frame", [b"[]", b'{"ready": 1}', b"\xff", b"[" * 100_000])
async def test_a_file_that_speaks_for_the_worker_is_refused(sandbox, tmp_path, frame) -> None:
    data = struct.pack(">I", len(frame)) + frame
    (tmp_path / "forger.py").write_text(
        "import os, stat\n"
        "for descriptor in range(3, 64):\n"
        "    try:\n"
        f"        os.write(descriptor, {data[:4]!r} + {frame[:1]!r} * {len(frame)}"
        f" if {len(frame)} > 1000 else {data[:200]!r})\n"
        "    except OSError:\n"
        "        pass\n"
    )
    with pytest.raises(InvalidInput, match=BROKEN):
        await sandbox.open(SessionSpec(tmp_path / "forger.py", tmp_path))


@pytest.mark.anyio
async def test_a_frame_that_is_none_ends_the_worker_and_no_call_hangs(sandbox, tmp_path) -> None:
    (tmp_path / "forger.py").write_text(
        "import os, threading, time\n"
        "def forge():\n"
        "    time.sleep(0.5)\n"
        "    for descriptor in range(3, 64):\n"
        "        try:\n"
        "            os.write(descriptor, b'\\x00\\x00\\x00\\x08{\"x\": 1}')\n"
        "        except OSError:\n"
        "            pass\n"
        "threading.Thread(target=forge, daemon=True).start()\n"
        "def hang():\n"
        "    time.sleep(60)\n"
        "def point(x, y):\n"
        "    return {'x': x, 'y': y}\n"
    )
    session = await sandbox.open(SessionSpec(tmp_path / "forger.py", tmp_path))
    try:
        async with asyncio.timeout(10):
            outcome = await session.call("hang", {}, Limits(wall_ms=60_000))
        assert (outcome.status, outcome.error) == ("crashed", BROKEN)
        assert await works(session)
    finally:
        await session.close()


@settings(max_examples=300, deadline=None)
@given(
    strategies.text()
    | strategies.recursive(
        strategies.none() | strategies.booleans() | strategies.floats() | strategies.integers()
        | strategies.text(strategies.characters(exclude_categories=())),
        lambda inner: strategies.lists(inner) | strategies.dictionaries(strategies.text(), inner),
    ).map(lambda value: json.dumps({"status": "ok", "value": value}))
)  # fmt: skip
def test_no_text_makes_the_session_raise(text: str) -> None:
    msgspec.json.encode(outcome(Ended(1, result=text), SIZES))
