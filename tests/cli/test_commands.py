"""The commands as people type them: real processes, exit codes, words and JSON."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from inline_snapshot import snapshot

EXAMPLE = Path("examples/stdlib")
COMMAND = [sys.executable, "-m", "neurectomy"]


def environment(**changes: str) -> dict[str, str]:
    """Of a process: without settings of whoever tests, and with the sources at hand."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("NEURECTOMY")}
    return {**clean, "PYTHONPATH": str(Path("src").resolve()), **changes}


def call(*words: str, cwd: Path | None = None, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words],
        cwd=cwd,
        env=environment(**changes),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def start(*words: str, **options) -> subprocess.Popen[str]:
    return subprocess.Popen([*COMMAND, *words], env=environment(), text=True, **options)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    ignore = shutil.ignore_patterns(".neurectomy", "__pycache__")
    shutil.copytree(EXAMPLE, tmp_path / "stdlib", ignore=ignore)
    return tmp_path / "stdlib"


def test_the_example_answers_with_sources_and_what_was_verified(example: Path) -> None:
    question = "How do I merge already sorted iterables?"
    done = call("run", "answer.agent", "--question", question, cwd=example)
    assert done.returncode == 0, done.stderr
    assert "name: heapq.merge" in done.stdout
    assert "heapq.merge: signature holds" in done.stdout
    assert "documented examples ran" in done.stdout
    assert "answer/draft/turn[0]/lookup[0]" in done.stderr
    shown = json.loads(call("runs", "show", "last", "--json", cwd=example).stdout)
    assert shown["status"] == "finished"
    replayed = json.loads(call("replay", "last", "--json", cwd=example).stdout)
    assert replayed["agrees"]
    forked = call("fork", "last", "--at", "1", "--set", "question=How do I shuffle a list?",
                  "--json", cwd=example)  # fmt: skip
    assert json.loads(forked.stdout)["result"]["sources"][0]["name"] == "random.shuffle"
    listed = call("runs", cwd=example)
    assert listed.stdout.count("finished") == 2
    used = json.loads(call("runs", "usage", "--json", cwd=example).stdout)
    assert used["runs"] == 2
    assert call("runs", "delete", "last", "--yes", cwd=example).returncode == 0


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


FLOW = "flow f(n: int) -> int {\n  a = t(n)\n  return a\n}\n"
TOOL = 'tool t(n: int) -> int from "t.py" timeout 2s\n'


@pytest.mark.parametrize(
    ("source", "code", "text"),
    [
        ("def t(n):\n    import time\n    time.sleep(60)", 8, "longer than 2000 ms"),
        ("def t(n):\n    while True:\n        __import__('os').fork()", 8, "failed"),
        ("def t(n):\n    return 'x'", 8, "returned the wrong type"),
        ("def t(n):\n    raise ValueError('why')", 8, "ValueError: why"),
        ("def t(n):\n    for _ in range(100):\n        print('x' * 1000000)\n    return n", 0, ""),
        ("def t(", 3, "is not Python"),
        ("def u(n):\n    return n", 3, "has no function t"),
        ("import nothing_such\ndef t(n):\n    return n", 8, "nothing_such"),
    ],
)
def test_tools_that_go_wrong(tmp_path: Path, source: str, code: int, text: str) -> None:
    write(tmp_path, a__agent=TOOL + FLOW, t__py=source)
    done = call("run", "a.agent", "--n", "3", cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert text in done.stderr
    assert "Traceback (most recent call last)" not in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["run", "none.agent"], 4, "there is no program none.agent"),
        (["run", "f.agent"], 2, "n: missing"),
        (["run", "f.agent", "--n", "many"], 2, "expected int"),
        (["run", "f.agent", "--n"], 2, "needs a value"),
        (["run", "f.agent", "--inputs", "{"], 2, "no JSON"),
        (["run", "two.agent"], 2, "say which flow"),
        (["run", "two.agent", "--flow", "h"], 4, "no flow h"),
        (["run", "broken.agent"], 3, "there is no anser"),
        (["run", "binary.agent"], 2, "not a text in UTF-8"),
        (["run", "model.agent"], 3, "there is no provider nothing"),
        (["run", "key.agent"], 6, "needs a key in OPENAI_API_KEY"),
        (["run", "talk.agent"], 8, "gave the same answer twice"),
        (["check", "broken.agent"], 3, "1 error in 1 file"),
        (["check", "nowhere"], 4, "there is no program nowhere"),
        (["runs", "show", "last"], 4, "nothing has ever run"),
        (["replay", "last"], 4, "nothing has ever run"),
        (["runz"], 2, "Did you mean run"),
        (["serve", "--host", "0.0.0.0"], 7, "other machines"),
        (["serve", "--print-address"], 4, "no server owns"),
    ],
)
def test_bad_input_is_told_with_the_next_step(
    tmp_path: Path, words: list[str], code: int, text: str
) -> None:
    agent = (
        'agent a() -> bool { model m turns 2 prompt "x" }\nflow f() -> bool { r = a() return r }'
    )
    write(
        tmp_path,
        f__agent="flow f(n: int) -> int { return n }",
        two__agent="flow f() -> int { return 1 }\nflow g() -> int { return 2 }",
        broken__agent="flow f() -> str { return anser }",
        model__agent=f'model m = "nothing:such"\n{agent}',
        key__agent=f'model m = "openai:gpt-5"\n{agent}',
        talk__agent=f"model m = offline\n{agent}",
    )
    (tmp_path / "binary.agent").write_bytes(b"\xff\xfe\x00")
    done = call(*words, cwd=tmp_path, OPENAI_API_KEY="")
    assert done.returncode == code, (done.stdout, done.stderr)
    assert text in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_errors_are_json_for_machines(tmp_path: Path) -> None:
    done = call("runs", "show", "last", "--json", cwd=tmp_path)
    assert done.returncode == 4
    assert json.loads(done.stdout)["error"]["code"] == "not_found"
    write(tmp_path, broken__agent="flow f() -> str { return anser }")
    done = call("check", "--json", cwd=tmp_path)
    assert done.returncode == 3
    (diagnostic,) = json.loads(done.stdout)["diagnostics"]
    assert (diagnostic["path"], diagnostic["line"], diagnostic["column"]) == ("broken.agent", 1, 26)


def test_check_prints_as_compilers_do(tmp_path: Path) -> None:
    write(tmp_path, a__agent="flow f(question: str) -> str {\n  return quesion\n}\n")
    assert call("check", cwd=tmp_path).stdout == snapshot("""\
warning[unused]: the parameter question is never used
 --> a.agent:1:8
  |
1 | flow f(question: str) -> str {
  |        ^^^^^^^^
  = hint: Use it, or remove it.

error[unknown-name]: there is no quesion here
 --> a.agent:2:10
  |
2 |   return quesion
  |          ^^^^^^^
  = hint: Did you mean question?

""")


def test_new_makes_a_workspace_that_runs(tmp_path: Path) -> None:
    assert call("new", "mine", cwd=tmp_path).returncode == 0
    done = call("run", "mine/main.agent", "--question", "What does a replay cost?", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "costs nothing" in done.stdout
    again = call("new", "mine", cwd=tmp_path)
    assert again.returncode == 5


def test_doctor_says_what_works(tmp_path: Path) -> None:
    done = call("doctor", "--json", cwd=tmp_path)
    findings = {f["what"]: f for f in json.loads(done.stdout)["findings"]}
    assert findings["jail"]["state"] == "ok"
    assert "not a language model" in findings["model"]["text"]
    assert done.returncode == 0
    assert not (tmp_path / ".neurectomy").exists()


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from neurectomy.cli.main import cli;"
        "cli.main(['--help'], standalone_mode=False);"
        "heavy = {'asyncio', 'msgspec', 'httpx', 'starlette', 'pydantic', 'strawberry', 'sqlite3'};"
        "sys.exit(','.join(sorted(heavy & set(sys.modules))) or None)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def served(tmp_path: Path):
    write(
        tmp_path,
        a__agent=TOOL.replace("timeout 2s", "") + FLOW,
        t__py="def t(n):\n    return n * 2",
    )
    process = start("serve", str(tmp_path), "--port", "0", "--json", stdout=subprocess.PIPE)
    assert process.stdout is not None
    address = json.loads(process.stdout.readline())["address"]
    yield tmp_path, address, process
    process.send_signal(signal.SIGINT)
    process.wait(20)
    process.stdout.close()


def test_commands_are_clients_of_the_server_that_owns_the_workspace(served) -> None:
    folder, address, process = served
    done = call("run", "a.agent", "--n", "4", "--json", cwd=folder)
    assert json.loads(done.stdout)["result"] == 8
    assert call("serve", "--print-address", cwd=folder).stdout.strip() == address
    second = call("serve", cwd=folder)
    assert second.returncode == 5
    assert f"process {process.pid} owns the workspace" in second.stderr
    missing = call("runs", "show", "nothing", cwd=folder)
    assert missing.returncode == 4
    mode = (folder / ".neurectomy" / "owner.json").stat().st_mode & 0o777
    assert mode == 0o600


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = call("serve", str(tmp_path), "--port", str(port))
    assert done.returncode == 6
    assert "--port 0" in done.stderr


def test_an_interrupt_cancels_the_run(tmp_path: Path) -> None:
    write(tmp_path, a__agent=TOOL.replace("2s", "60s") + FLOW,
          t__py="def t(n):\n    import time\n    time.sleep(60)")  # fmt: skip
    process = start(
        "run", "a.agent", "--n", "1", cwd=tmp_path, stderr=subprocess.PIPE, start_new_session=True
    )
    assert process.stderr is not None
    while "f/a" not in (line := process.stderr.readline()):
        assert line
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(20) == 130
    process.stderr.close()
    shown = json.loads(call("runs", "show", "last", "--json", cwd=tmp_path).stdout)
    assert shown["status"] == "cancelled"


def test_a_terminal_obeys_no_tool(tmp_path: Path) -> None:
    program = TOOL.replace("-> int", "-> str") + FLOW.replace("-> int", "-> str")
    write(tmp_path, a__agent=program, t__py="def t(n):\n    return 'a\\x1b[31mb\\x9bc\\rd'")
    done = call("run", "a.agent", "--n", "3", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.strip() == "a\ufffd[31mb\ufffdc\ufffdd"
    assert "\x1b" not in done.stderr


def test_a_killed_run_goes_on_at_once(tmp_path: Path) -> None:
    program = TOOL.replace("timeout 2s", "idempotent") + FLOW
    write(
        tmp_path,
        a__agent=program,
        t__py="def t(n):\n    import time\n    time.sleep(1)\n    return n",
    )
    process = start("run", "a.agent", "--n", "7", cwd=tmp_path, stderr=subprocess.PIPE)
    assert process.stderr is not None
    while "f/a" not in (line := process.stderr.readline()):
        assert line
    process.kill()
    process.wait()
    process.stderr.close()
    resumed = json.loads(call("runs", "resume", "last", "--json", cwd=tmp_path).stdout)
    assert (resumed["status"], resumed["result"]) == ("finished", 7)


def test_many_problems_are_told_up_to_a_limit(tmp_path: Path) -> None:
    lines = "".join(f"  a{n} = b\n" for n in range(300))
    (tmp_path / "a.agent").write_text(f"flow f() -> int {{\n{lines}  return 1\n}}\n")
    done = call("check", "a.agent", cwd=tmp_path)
    assert done.stdout.count("-->") == 50
    assert "more; see them all with --json" in done.stdout
    (tmp_path / "b.agent").write_text("\ufeffflow f() -> int { return 1 }", "utf-8")
    assert call("check", "b.agent", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["run", "j.agent", "--inputs", '{"x": "\\ud800"}'], "--inputs is no JSON"),
        (["run", "j.agent", "--inputs", '{"x": NaN}'], "--inputs is no JSON"),
        (["run", "j.agent", "--inputs", '{"x": 1e999}'], "--inputs is no JSON"),
        (["run", "j.agent", "--inputs", '{"x": ' + "[" * 5000 + "]" * 5000 + "}"], "too deep"),
        (["run", "j.agent", "--x", "\udcff"], "not a text in UTF-8"),
        (["runs", "show", "\udcff"], "not a text in UTF-8"),
        (["runs", "list", "--search", "\udcff"], "not a text in UTF-8"),
        (["run", "a" * 5000], "there is no program"),
        (["check", "a" * 5000], "there is no"),
        (["serve", "--port", "99999"], "a setting is wrong"),
    ],
)
def test_what_is_no_text_no_json_or_no_name_is_told(tmp_path: Path, words, text) -> None:
    (tmp_path / "j.agent").write_text("flow f(x: json) -> json { return x }")
    done = call(*words, cwd=tmp_path)
    assert done.returncode in (2, 4)
    assert text in done.stderr
    assert "Traceback" not in done.stderr


def test_a_deep_answer_is_printed(tmp_path: Path) -> None:
    (tmp_path / "j.agent").write_text("flow f(x: json) -> json { return x }")
    done = call("run", "j.agent", "--x", "[" * 90 + "7" + "]" * 90, cwd=tmp_path)
    assert (done.returncode, "7" in done.stdout) == (0, True)


def test_a_full_standard_output_is_told(tmp_path: Path) -> None:
    (tmp_path / "j.agent").write_text("flow f(x: json) -> json { return x }")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "check", "j.agent"], cwd=tmp_path, env=environment(),
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 10
    assert "finds no space" in done.stderr
    assert "Traceback" not in done.stderr


def test_new_writes_nothing_outside(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "main.agent").symlink_to(tmp_path / "elsewhere")
    done = call("new", "mine", cwd=tmp_path)
    assert done.returncode == 5
    assert not (tmp_path / "elsewhere").exists()
