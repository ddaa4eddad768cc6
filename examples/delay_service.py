"""A small HTTP service for telephony whose scripts run elsewhere (Voximplant, Jambonz): text in, seconds of silence out.

    python examples/delay_service.py --port 9091
    curl -s localhost:9091/delay -d '{"context": "Чем могу помочь?", "message": "мне нужен билет на"}'
    {"eot_probability": 0.03, "label": "wait", "delay_s": 2.5}

Standard library and this package only; every request has a thread, the model is loaded once. It listens on the loopback: put it behind your
own TLS and access control. A request that cannot be answered gets status 400 or 500 and a reason; the caller then uses its longest delay.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from turn_detection import TurnDetectionError, TurnDetector
from turn_detection.errors import InvalidInputError
from turn_detection.plugins.scoring import Detector

MAX_BODY_BYTES = 64 * 1024


def make_server(detector: Detector, host: str, port: int) -> ThreadingHTTPServer:
    """A server that is bound and not yet serving."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            n_bytes = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(min(n_bytes, MAX_BODY_BYTES))
            if self.path != "/delay":
                self._reply(404, {"error": "POST /delay"})
                return
            try:
                request = json.loads(body)
                if n_bytes > MAX_BODY_BYTES or not isinstance(request, dict):
                    raise InvalidInputError(f"the body must be an object of at most {MAX_BODY_BYTES} bytes")
                prediction = detector.predict(request.get("message", ""), request.get("context"))
            except (json.JSONDecodeError, UnicodeDecodeError):
                self._reply(400, {"error": "the body is not JSON"})
            except InvalidInputError as error:
                self._reply(400, {"error": str(error)})
            except TurnDetectionError as error:
                self._reply(500, {"error": type(error).__name__})
            else:
                answer = {
                    "eot_probability": round(prediction.eot_probability, 4),
                    "label": prediction.label,
                    "delay_s": round(prediction.delay_s, 3),
                }
                self._reply(200, answer)

        def _reply(self, status: int, content: dict[str, Any]) -> None:
            data = json.dumps(content, ensure_ascii=False).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: a log of requests would be a log of who called when."""

    return ThreadingHTTPServer((host, port), Handler)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9091)
    arguments = parser.parse_args()
    server = make_server(TurnDetector.load(), arguments.host, arguments.port)
    print(f"listening on http://{arguments.host}:{arguments.port}/delay", file=sys.stderr)
    with contextlib.suppress(KeyboardInterrupt), server:
        server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
