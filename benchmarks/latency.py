"""Time, memory and start-up of the detector in process: ``python benchmarks/latency.py [BUNDLE]``. Prints Markdown.

Run it on an idle machine. Text in, probability out; one thread of the engine; the light install is enough.
"""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

N_WARM, N_TIMED = 30, 300
CONTEXT = "Здравствуйте! Чем я могу вам помочь?"
STORY = (
    "здравствуйте я хотел бы записаться на приём к терапевту на завтра утром если можно потому что после обеда я работаю и "
    "никак не успеваю а ещё мне нужно взять справку для бассейна и спросить про прививку от гриппа"
).split()

PROBE = """
import json, os, resource, sys, time
def rss():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize() / 1e6
bare = rss()
started = time.perf_counter()
from turn_detection import TurnDetector
detector = TurnDetector.load(*sys.argv[1:])
detector.predict("да", context="Вам удобно говорить?")
answered = time.perf_counter() - started
for _ in range(200):
    detector.predict("мне нужен билет на завтра утром", context="Чем могу помочь?")
print(json.dumps({"import_load_answer_s": answered, "rss_mb": rss() - bare}))
"""


def cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def timed(bundle: list[str]) -> list[tuple[int, float, float]]:
    """``(tokens, p50 ms, p95 ms)`` for turns of growing length."""
    from turn_detection import TurnDetector
    from turn_detection.bundle import open_bundle

    detector, encoder = TurnDetector.load(*bundle), open_bundle(*bundle).encoder()
    rows = []
    for n_words in (1, 4, 12, 20, len(STORY)):
        message = " ".join(STORY[:n_words])
        for _ in range(N_WARM):
            detector.predict(message, context=CONTEXT)
        times = [detector.predict(message, context=CONTEXT).latency_ms for _ in range(N_TIMED)]
        cuts = statistics.quantiles(times, n=20)
        rows.append((len(encoder.encode(CONTEXT, message)), statistics.median(times), cuts[18]))
    return rows


def process_figures(bundle: list[str]) -> dict[str, float]:
    """Medians over five fresh processes; ``start_s`` is the whole process, interpreter included."""
    runs = []
    for _ in range(5):
        started = time.perf_counter()
        out = subprocess.run([sys.executable, "-c", PROBE, *bundle], capture_output=True, text=True, check=True).stdout
        runs.append({**json.loads(out), "process_s": time.perf_counter() - started})
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def main() -> None:
    import numpy
    import onnxruntime
    import tokenizers

    bundle = sys.argv[1:2]
    print(f"{cpu_name()}; Python {platform.python_version()}, onnxruntime {onnxruntime.__version__}, ", end="")
    print(
        f"tokenizers {tokenizers.__version__}, numpy {numpy.__version__}; batch 1, one thread, {N_TIMED} calls a row\n"
    )
    print("| tokens | p50, ms | p95, ms |\n|---|---|---|")
    for n_tokens, p50, p95 in timed(bundle):
        print(f"| {n_tokens} | {p50:.2f} | {p95:.2f} |")
    figures = process_figures(bundle)
    print(f"\nimport, load and first answer: {figures['import_load_answer_s']:.2f} s; ", end="")
    print(f"memory over the bare interpreter after 200 answers: {figures['rss_mb']:.0f} MB")


if __name__ == "__main__":
    main()
