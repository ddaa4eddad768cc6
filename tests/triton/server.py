"""A real Triton server as a subprocess on free ports of this machine.

The server binary comes with nvidia-pytriton, in an environment of its own (``make test-triton``); its executor is
``python_backend/onnxruntime``, see there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_BACKENDS = Path(__file__).parent / "python_backend"
#: Prints where the server's parts are, asked of the environment's own interpreter.
_WHERE = """
import importlib.util, json, sys, sysconfig
print(json.dumps({
    "package": importlib.util.find_spec("pytriton").submodule_search_locations[0],
    "libdir": sysconfig.get_config_var("LIBDIR"),
    "version": f"{sys.version_info.major}.{sys.version_info.minor}",
}))
"""


class TritonServer:
    """Started, killed and started again on the same ports.

    Args:
        python: interpreter of the environment that holds nvidia-pytriton.
        repository: the model repository.
        folder: for the backend directory and the log.
    """

    def __init__(self, python: Path, repository: Path, folder: Path) -> None:
        self.repository = repository
        self._log = folder / "triton.log"
        self._backends = folder / "backends"
        self._process: subprocess.Popen[bytes] | None = None
        self._http, self._grpc, self._metrics = _free_ports(3)
        where = json.loads(subprocess.run([python, "-c", _WHERE], check=True, capture_output=True, timeout=60).stdout)
        package = Path(where["package"])
        self._binary = package / "tritonserver" / "bin" / "tritonserver"
        # The stub, which runs the backend's Python, must lie beside the library that starts it.
        shutil.copytree(_BACKENDS, self._backends, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(package / "tritonserver" / "backends" / "python", self._backends / "python")
        stubs = package / "tritonserver" / "python_backend_stubs" / where["version"]
        shutil.copy2(stubs / "triton_python_backend_stub", self._backends / "python")
        libraries = f"{package.parent / 'nvidia_pytriton.libs'}:{where['libdir']}"
        self._environment = {
            **os.environ, "LD_LIBRARY_PATH": libraries, "PATH": f"{Path(python).parent}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1",
        }  # fmt: skip

    @property
    def url(self) -> str:
        return f"127.0.0.1:{self._grpc}"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, *, timeout_s: float = 60.0) -> float:
        """Start and wait until the model answers; return the seconds that took."""
        started = time.monotonic()
        command = [
            str(self._binary), f"--model-repository={self.repository}", f"--backend-directory={self._backends}",
            "--exit-timeout-secs=3",
            *(f"--{door}-address=127.0.0.1" for door in ("http", "grpc", "metrics")),
            f"--http-port={self._http}", f"--grpc-port={self._grpc}", f"--metrics-port={self._metrics}",
        ]  # fmt: skip
        with self._log.open("ab") as log:
            # A session of its own, so that the processes which run the backend can be ended with the server.
            self._process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, env=self._environment, start_new_session=True
            )
        while time.monotonic() - started < timeout_s:
            if self._process.poll() is not None:
                break
            if self._get("/v2/health/ready") is not None:
                return time.monotonic() - started
            time.sleep(0.05)
        self.kill()
        raise RuntimeError(f"Triton did not start:\n{self._log.read_text(errors='replace')[-3000:]}")

    def stop(self) -> None:
        """As an orchestrator does: SIGTERM, and SIGKILL for what is left after a while."""
        self._end(patience_s=15)

    def kill(self) -> None:
        """At once, with the processes that run the backend."""
        self._end(patience_s=0)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Not dead, and not answering."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self._process.pid, signal.SIGCONT)

    def _end(self, patience_s: float) -> None:
        if self._process is None:
            return
        regions = self._shared_memory()
        if patience_s:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(patience_s)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(15)
        self._process = None
        for region in regions:
            region.unlink(missing_ok=True)

    def statistics(self, model: str = "turn_detection") -> dict[str, Any]:
        """Triton's own counters of a model: ``inference_count`` (rows), ``execution_count``, ``batch_stats``."""
        answer = json.loads(self._get(f"/v2/models/{model}/stats") or "{}")
        return dict(answer["model_stats"][0])

    def _shared_memory(self) -> set[Path]:
        """What the server shares with the processes that run the backend; a killed one cannot tidy up."""
        assert self._process is not None
        try:
            maps = Path(f"/proc/{self._process.pid}/maps").read_text()
        except OSError:
            return set()
        return {Path(name) for name in re.findall(r"/dev/shm/triton_\S+", maps)}

    def _get(self, path: str) -> bytes | None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._http}{path}", timeout=5) as answer:
                return bytes(answer.read())
        except (urllib.error.URLError, OSError):
            return None


def _free_ports(n: int) -> list[int]:
    """Ports that are free now; all are held until the last one is found, so that they differ."""
    sockets = [socket.socket() for _ in range(n)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
