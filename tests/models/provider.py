"""A server that speaks OpenAI's chat protocol, streaming included, for tests of the adapter."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Provider(ThreadingHTTPServer):
    """Answers with what the test prepared, or by its rule, and remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[dict[str, Any]] = []
        self.answers: list[Any] = []
        self.rule: Callable[[dict[str, Any]], Any] | None = None
        self.refusal = "told so"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        return

    def do_GET(self) -> None:
        self._send(200, json.dumps({"data": [{"id": "small"}, {"id": "large"}]}).encode())

    def do_POST(self) -> None:
        size = int(self.headers["content-length"])
        server: Any = self.server
        request = json.loads(self.rfile.read(size))
        server.asked.append(request)
        answer = server.rule(request) if server.rule else server.answers.pop(0)
        if isinstance(answer, int):
            reason = server.refusal
            self._send(answer, json.dumps({"error": {"message": reason}}).encode())
            return
        chunks = [{"role": "assistant", "content": ""}, *answer]
        lines = [self._chunk({"delta": delta, "index": 0}) for delta in chunks]
        reason = "tool_calls" if "tool_calls" in chunks[-1] else "stop"
        lines.append(self._chunk({"delta": {}, "index": 0, "finish_reason": reason}))
        usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
        lines.append(self._line({"choices": [], "usage": usage}))
        body = "".join([*lines, "data: [DONE]\n\n"]).encode()
        self._send(200, body, "text/event-stream")

    def _chunk(self, choice: dict[str, Any]) -> str:
        return self._line({"choices": [choice]})

    def _line(self, data: dict[str, Any]) -> str:
        whole = {
            "id": "x",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "small",
            **data,
        }
        return f"data: {json.dumps(whole)}\n\n"

    def _send(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def provider():
    server = Provider()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
