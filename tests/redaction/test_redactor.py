"""What is taken out of texts and values, what stays, and how long it takes."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurectomy.core.errors import InvalidInput, Unavailable
from neurectomy.redaction.redactor import Redactor
from neurectomy.redaction.rules import Rules
from neurectomy.redaction.streaming import TextStream

BUILT_IN = Redactor()
BODY = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0"
SECRETS = {
    "OpenAI key": [f"sk-{BODY}", f"sk-proj-{BODY}_-x"],
    "Anthropic key": [f"sk-ant-api03-{BODY}"],
    "AWS key": ["AKIAQ3EGRTHUKLMNOP27"],
    "GitHub token": [f"ghp_{BODY}", f"github_pat_{BODY}"],
    "GitLab token": ["glpat-abcdefghij0123456789"],
    "Google key": [f"AIza{BODY[:35]}"],
    "Hugging Face token": [f"hf_{BODY}"],
    "Slack token": ["xoxb-123456789012-abcdefABCDEF"],
    "Stripe key": [f"sk_live_{BODY}"],
    "JSON web token": [f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.{BODY}"],
    "bearer token": [f"Bearer {BODY}", f"bearer {BODY}"],
    "basic credentials": ["Authorization: Basic dXNlcjpodW50ZXIy"],
    "private key": [
        f"-----BEGIN RSA PRIVATE KEY-----\n{BODY}\n{BODY}\n-----END RSA PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY-----\n{BODY}",
    ],
}
EXAMPLES = [(name, secret) for name, secrets in SECRETS.items() for secret in secrets]


@pytest.mark.parametrize(("name", "secret"), EXAMPLES)
def test_a_well_known_key_is_taken_out_of_the_text_around_it(name: str, secret: str) -> None:
    found = BUILT_IN.text(f"the key is {secret}")
    assert found == f"the key is [redacted: {name}]"
    assert BUILT_IN.text(found) == found


@pytest.mark.parametrize(
    "text",
    [
        "a task-management-and-scheduling-application",
        "the bearer of bad news",
        "basic characterization of eyJa",
        "see https://example.org/a:b@c and mailto:me@example.org",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "password: at least eight characters",
        '{"max_tokens": 5, "password_hint": "a fish", "passwords": 3}',
        "",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert BUILT_IN.text(text) == text


def test_the_credentials_of_an_address_go_and_the_address_stays() -> None:
    found = BUILT_IN.text("postgres://me:hunter2@host:5432/database")
    assert found == "postgres://[redacted: credentials]@host:5432/database"


@pytest.mark.parametrize(
    "key", ["password", "Password", "db_password", "dbPassword", "DB-PASSWORD", "userPassWord"]
)
def test_a_name_makes_its_value_a_secret_however_it_is_written(key: str) -> None:
    assert BUILT_IN.value({key: "hunter2"}) == {key: "[redacted: password]"}


def test_below_a_name_texts_and_numbers_go_and_the_shape_stays() -> None:
    given_value = {"credentials": {"user": "a", "pin": 1234, "ok": True, "no": None, "list": ["b"]}}
    mark = "[redacted: credentials]"
    expected = {"user": mark, "pin": mark, "ok": True, "no": None, "list": [mark]}
    assert BUILT_IN.value(given_value) == {"credentials": expected}


def test_json_within_a_text_is_read() -> None:
    text = 'Here it is:\n```json\n{"user": "me", "api_key": "hunter2"}\n```'
    assert "hunter2" not in BUILT_IN.text(text)
    assert BUILT_IN.text(text).startswith("Here it is:\n```json\n{")
    untouched = 'Here: {"user":   "me"}'
    assert BUILT_IN.text(untouched) == untouched


def test_own_rules_come_on_top_and_the_built_in_ones_can_be_left_out() -> None:
    both = Redactor(Rules(keys=("pin",), patterns=("ACME-[0-9]{4}",)))
    assert both.value({"cardPin": 17, "password": "x", "text": "ACME-1234"}) == {
        "cardPin": "[redacted: pin]",
        "password": "[redacted: password]",
        "text": "[redacted: pattern]",
    }
    own = Redactor(Rules(keys=("pin",), defaults=False))
    kept = {"password": "x", "text": f"sk-{BODY}"}
    assert own.value({"pin": "1", **kept}) == {"pin": "[redacted: pin]", **kept}


@pytest.mark.parametrize("pattern", ["(", "(?=a)b", r"(a)\1", "a*", "x" * 1001])
def test_a_pattern_that_cannot_be_used_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidInput):
        Redactor(Rules(patterns=(pattern,)))


def test_without_its_engine_a_pattern_is_refused_and_not_left_out(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    with pytest.raises(Unavailable) as told:
        Redactor(Rules(patterns=("ACME-[0-9]{4}",)))
    assert "neurectomy[patterns]" in told.value.hint


def test_half_a_surrogate_pair_does_not_stop_a_pattern() -> None:
    found = Redactor(Rules(patterns=("ACME-[0-9]{4}",))).text("\ud800 ACME-1234")
    assert found == "? [redacted: pattern]"


HOSTILE = [
    "eyJaaaaaaaaaa-", "eyJaaaaaaaaaa.", "sk-", "sk-proj-", "://a:", "-----BEGIN PRIVATE KEY-----",
    '{"a":', '{"a":1} ', "Bearer ", "authorization: basic ", "xoxb-", "glpat-", "{",
    '[{"', "ghp_", "-----BEGIN ",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_no_text_makes_a_format_slow(piece: str) -> None:
    def took(count: int) -> float:
        text = piece * count
        began = time.perf_counter()
        BUILT_IN.text(text)
        return time.perf_counter() - began

    short, long = min(took(10_000) for _ in range(3)), took(160_000)
    assert long < 1 + 160 * short  # in proportion it would be 16 times as long, at worst 256


def test_a_hostile_pattern_cannot_stop_anything() -> None:
    redactor = Redactor(Rules(patterns=("(a+)+b", "(x?){500}x{500}y"), defaults=False))
    began = time.perf_counter()
    assert redactor.text("a" * 200_000) == "a" * 200_000
    redactor.text("x" * 20_000)
    assert time.perf_counter() - began < 20


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON, st.data())
def test_a_secret_anywhere_in_a_value_is_gone_and_a_second_time_changes_nothing(
    value: Any, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(["password", "apiKey", "x-auth-token"]))
    secret = data.draw(st.sampled_from(EXAMPLES))[1]
    hidden = _put(value, {name: "hunter2 horse", "note": [f"here: {secret}"]}, data)
    found = BUILT_IN.value(hidden)
    told = json.dumps(found)
    assert "hunter2 horse" not in told
    assert BODY not in told
    assert secret not in told
    assert BUILT_IN.value(found) == found


def _put(value: Any, hidden: Any, data: st.DataObject) -> Any:
    """A value with another somewhere within it."""
    if isinstance(value, list) and value and data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(value) - 1))
        return [_put(v, hidden, data) if i == place else v for i, v in enumerate(value)]
    if isinstance(value, dict) and value and data.draw(st.booleans()):
        place = data.draw(st.sampled_from(sorted(value)))
        return {k: _put(v, hidden, data) if k == place else v for k, v in value.items()}
    return [value, hidden]


@given(JSON)
def test_a_value_without_secrets_stays_the_same_object(value: Any) -> None:
    assert Redactor(Rules(defaults=False)).value(value) is value


WORDS = st.sampled_from(
    ["so", "the key", "Bearer", "authorization: basic", "[1]", '{"a": 1}', "-----BEGIN", "\n",
     '{"password": "hunter2"}', *(secret for _, secret in EXAMPLES)]
)  # fmt: skip


@given(st.lists(WORDS, max_size=12), st.data())
def test_a_stream_never_lets_through_what_the_whole_text_would_not(
    words: list[str], data: st.DataObject
) -> None:
    text = " ".join(words)
    stream, given_out, at = TextStream(BUILT_IN), "", 0
    while at < len(text):
        size = data.draw(st.integers(1, 40))
        given_out += stream.take(text[at : at + size])
        at += size
        whole = BUILT_IN.text(text)
        assert whole.startswith(given_out) or "[redacted" in whole
    given_out += stream.end()
    assert BODY not in given_out
    assert "hunter2" not in given_out
    for _, secret in EXAMPLES:
        assert secret not in given_out


def test_a_stream_comes_a_few_words_behind_and_is_whole_at_the_end() -> None:
    stream = TextStream(BUILT_IN)
    first = stream.take("one two three four five six seven eight nine ten ")
    assert first == "one two three four five six "
    assert first + stream.end() == "one two three four five six seven eight nine ten "


def test_a_pattern_that_goes_over_spaces_holds_the_stream_to_its_end() -> None:
    stream = TextStream(Redactor(Rules(patterns=("code word [a-z]+",))))
    assert stream.take("a b c d e f g h the code word xyzzy ") == ""
    assert stream.end() == "a b c d e f g h the [redacted: pattern] "
