"""``python -m turn_detection.serve``."""

from __future__ import annotations

import argparse
import os
import sys

from ..errors import TurnDetectionError
from ..overrides import split_settings
from .run import serve

_EPILOG = """Further settings: serve.key=value or --serve.key=value, as in configs/serve/default.yaml (serve.backend=triton), or
environment variables such as TURN_DETECTION_SERVE_PORT. A token belongs in TURN_DETECTION_SERVE_TOKEN or serve.token_file."""


def main() -> None:
    """Known errors become one line and exit code 2; a clean stop is 0."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    parser = argparse.ArgumentParser(
        prog="python -m turn_detection.serve", description="Serve turn detection.", epilog=_EPILOG
    )
    parser.add_argument("--host", help="where to listen; 127.0.0.1 by default")
    parser.add_argument("--port", help="9090 by default; 0 takes a free one")
    parser.add_argument("--workers", help="processes; 1 by default")
    try:
        arguments, overrides = split_settings(sys.argv[1:])
        options = vars(parser.parse_args(arguments))
        serve([f"serve.{key}={value}" for key, value in options.items() if value is not None] + overrides)
    except TurnDetectionError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
