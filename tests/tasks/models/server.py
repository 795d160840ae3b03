"""A chat completions endpoint on loopback that misbehaves on a schedule, over real sockets."""

import itertools
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

GOOD = '{"name": "gate", "size": 3}'
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
CUT = 9  # signs of a reply after which a fault in its middle happens


class Call(NamedTuple):
    """A request that has arrived."""

    body: dict[str, Any]
    authorization: str
    fault: str


class Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "ModelServer"

    def do_POST(self) -> None:
        self.body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.key = self.headers.get("Authorization", "").removeprefix("Bearer ")
        said = self.server.next_said()
        fault = "said" if said is not None else self.server.next_fault()
        self.server.calls.append(Call(self.body, self.headers.get("Authorization", ""), fault))
        try:
            FAULTS[fault](self) if said is None else self.answer(said)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client has given up

    def log_message(self, *_: object) -> None:
        pass

    @property
    def streams(self) -> bool:
        return bool(self.body.get("stream"))

    def begin(self, status: int, kind: str, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is None:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def whole(self, status: int, body: Any, kind: str = "application/json", **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.begin(status, kind, len(data), **headers)
        self.wfile.write(data)

    def part(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def event(self, data: Any) -> None:
        text = data if isinstance(data, str) else json.dumps(data)
        self.part(f"data: {text}\n\n".encode())

    def error(self, status: int, message: str, code: str | None = None, **headers: str) -> None:
        self.whole(status, {"error": {"message": message, "code": code, "param": None}}, **headers)

    def reset(self) -> None:
        """Break the connection, so that the client sees a reset and no end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.rfile.close()
        self.close_connection = True

    def hang(self) -> None:
        self.server.stopping.wait(60)
        self.close_connection = True

    def answer(
        self, text: str | None = GOOD, finish: str | None = "stop", usage: Any = USAGE, repeat: int = 1, **said: Any
    ) -> None:
        """A completion, as a stream if one was asked for."""
        message = {"role": "assistant", "content": text, **said}
        if not self.streams:
            choices = [{"index": 0, "message": message, "finish_reason": finish}]
            self.whole(200, {"object": "chat.completion", "choices": choices, "usage": usage})
            return
        self.begin(200, "text/event-stream; charset=utf-8")
        for piece in pieces(text):
            for _ in range(repeat):
                self.event(chunk({"content": piece, **said}))
        for _ in range(repeat):
            self.event(chunk({}, finish))
            self.event({"choices": [], "usage": usage})
        self.event("[DONE]")
        self.part(b"")

    def cut(self, then: Callable[[], None]) -> None:
        """Half of a completion, and then something else."""
        if self.streams:
            self.begin(200, "text/event-stream")
            self.event(chunk({"content": GOOD[:CUT]}))
        else:
            self.begin(200, "application/json", 500)
            self.wfile.write(b'{"choices": [')
        self.wfile.flush()
        then()


def pieces(text: str | None) -> Iterator[str | None]:
    if not text:
        yield text
    for start in range(0, len(text or ""), CUT):
        yield (text or "")[start : start + CUT]


def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def _slow(one: Request) -> None:
    time.sleep(0.2)
    one.answer()


def _cut_json(one: Request) -> None:
    if one.streams:
        one.begin(200, "text/event-stream")
        one.event('{"choices": [{"index": 0, "delta": {"cont')
        one.part(b"")
    else:
        one.whole(200, b'{"choices": [{"index": 0, "mess')


def _bad_bytes(one: Request) -> None:
    body = b'{"choices": [{"index": 0, "%s": {"content": "\xff\xfe"}, "finish_reason": "stop"}]}'
    if one.streams:
        one.begin(200, "text/event-stream")
        one.part(b"data: " + body % b"delta" + b"\n\ndata: [DONE]\n\n")
        one.part(b"")
    else:
        one.whole(200, body % b"message")


def _no_choices(one: Request) -> None:
    if one.streams:
        one.begin(200, "text/event-stream")
        one.event({"choices": [], "usage": USAGE})
        one.event("[DONE]")
        one.part(b"")
    else:
        one.whole(200, {"choices": [], "usage": USAGE})


def _comments(one: Request) -> None:
    """Signs of life, and nothing else."""
    one.begin(200, "text/event-stream")
    while not one.server.stopping.wait(0.05):
        one.part(b": still here\n\n")


def _broken_off(one: Request) -> None:
    one.cut(lambda: (one.event({"error": {"message": "overloaded"}}), one.part(b""))[0])


def _refuses(word: str) -> Callable[[Request], None]:
    return lambda one: one.error(400, f"Unsupported parameter: '{word}' is not supported here.")


def _echo(status: int, code: str | None = None) -> Callable[[Request], None]:
    return lambda one: one.error(status, f"No luck with the key {one.key}.", code, X_Echo=one.key)


def _formless(form: str | None) -> Callable[[Request], None]:
    """A server that takes no response_format, or none but JSON mode."""

    def do(one: Request) -> None:
        asked = (one.body.get("response_format") or {}).get("type")
        if asked in (None, form):
            one.answer()
        else:
            one.error(400, f"'response_format' of type '{asked}' is not supported")

    return do


def _streamless(one: Request) -> None:
    one.error(400, "stream is not supported") if one.streams else one.answer()


def _new_length(one: Request) -> None:
    if "max_tokens" in one.body:
        one.error(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
    else:
        one.answer()


def _countless(one: Request) -> None:
    one.error(422, "stream_options: extra fields not permitted") if "stream_options" in one.body else one.answer(
        usage=None
    )


def _unstreamed(one: Request) -> None:
    one.body["stream"] = False
    one.answer()


def _late(one: Request) -> str:
    return formatdate(time.time() + 2, usegmt=True)


FAULTS: dict[str, Callable[[Request], None]] = {
    "none": lambda one: one.answer(),
    "429": lambda one: one.error(429, "slow down"),
    "429_after": lambda one: one.error(429, "slow down", Retry_After="0.05"),
    "429_date": lambda one: one.error(429, "slow down", Retry_After=_late(one)),
    "429_hours": lambda one: one.error(429, "slow down", Retry_After="7200"),
    "429_quota": lambda one: one.error(429, "You exceeded your current quota", "insufficient_quota"),
    "402": lambda one: one.error(402, "Insufficient balance"),
    "500": lambda one: one.error(500, "oops"),
    "500_half": lambda one: one.error(500, "oops \ud83d"),
    "502_html": lambda one: one.whole(502, b"<html><h1>Bad Gateway</h1></html>", "text/html"),
    "503": lambda one: one.error(503, "overloaded"),
    "slow": _slow,
    "silent": lambda one: one.hang(),
    "stall": lambda one: one.cut(one.hang),
    "comments": _comments,
    "drop_before": lambda one: one.reset(),
    "drop_within": lambda one: one.cut(one.reset),
    "drop_politely": lambda one: one.cut(lambda: one.part(b"") if one.streams else one.reset()),
    "broken_off": _broken_off,
    "cut_json": _cut_json,
    "bad_bytes": _bad_bytes,
    "half_pair": lambda one: one.answer('{"name": "\ud83d", "size": 1}'),
    "html": lambda one: one.whole(200, b"<html>Log in first</html>", "text/html"),
    "no_json": lambda one: one.whole(200, b"[1, 2]"),
    "length": lambda one: one.answer(GOOD[:CUT], "length"),
    "refusal": lambda one: one.answer(None, "stop", refusal="I cannot help with that."),
    "filtered": lambda one: one.answer("Here is", "content_filter"),
    "no_choices": _no_choices,
    "empty": lambda one: one.answer(""),
    "null": lambda one: one.answer(None),
    "schema": lambda one: one.answer('{"name": 3}'),
    "words": lambda one: one.answer("I would rather {not} say."),
    "prose": lambda one: one.answer(f"Sure, a {{gate}}:\n{GOOD}\nHope that helps!"),
    "fenced": lambda one: one.answer(f"```json\n{GOOD}\n```"),
    "twice": lambda one: one.answer(repeat=2),
    "uncounted": lambda one: one.answer(usage=None),
    "absurd": lambda one: one.answer(usage={"prompt_tokens": 10**15, "completion_tokens": -4}),
    "unasked": lambda one: one.answer(usage={"prompt_tokens": 0, "completion_tokens": 0}),
    "401": lambda one: one.error(401, "Incorrect API key provided"),
    "404": lambda one: one.error(404, "The model `m` does not exist", "model_not_found"),
    "400_context": lambda one: one.error(
        400, "This model's maximum context length is 4096 tokens, max_tokens included."
    ),
    "400": lambda one: one.error(400, "temperature must be 1"),
    "no_format": _formless(None),
    "json_only": _formless("json_object"),
    "no_stream": _streamless,
    "unstreamed": _unstreamed,
    "new_length": _new_length,
    "countless": _countless,
    "echo_401": _echo(401),
    "echo_500": _echo(500),
    "echo_400": _echo(400, "content_filter"),
    "echo_text": lambda one: one.answer(json.dumps({"name": one.key, "size": 1})),
    "echo_refusal": lambda one: one.answer(None, refusal=f"Not for {one.key}"),
    "echo_words": lambda one: one.answer(f"Your key is {one.key}."),
}


class ModelServer(ThreadingHTTPServer):
    """Use it in a ``with`` statement. Each request gets the next fault of the schedule, whose last one stays."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, *faults: str) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.calls: list[Call] = []
        self.stopping = threading.Event()
        self._faults: Iterator[str] = iter(())
        self._next = threading.Lock()
        self._said: list[str] = []
        self.do(*(faults or ("none",)))

    def do(self, *faults: str) -> None:
        """From now on, these."""
        self._faults = itertools.chain(faults, itertools.repeat(faults[-1]))

    def say(self, *texts: str) -> None:
        """Answer the next requests with these, before the schedule goes on."""
        self._said += texts

    def next_said(self) -> str | None:
        with self._next:
            return self._said.pop(0) if self._said else None

    def next_fault(self) -> str:
        with self._next:
            return next(self._faults)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, *_: object) -> None:
        pass

    def __enter__(self) -> "ModelServer":
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.shutdown()
        self.server_close()
