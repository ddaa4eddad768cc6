"""Training samples from files larger than memory: samples a second and memory, under a bound that the system enforces.

    python benchmarks/streaming.py [--samples 200000] [--bound-mb 2048 | --spare-mb M] [--workers 0] [--only PART ...]
        [--minutes M] [--in-memory] [--folder DIR] [--json FILE]

Made samples (``made_samples.py``) are written as Parquet, then one epoch of the loader that training uses is read: Parquet, shuffling,
tokenising, batching by length. It runs in processes of its own, the data segment (``RLIMIT_DATA``: heap, anonymous maps and stacks) of
each limited to ``--bound-mb``; going over it is a failed allocation and ends the run. An epoch without
tokenising shows that each sample comes exactly once. ``--in-memory`` also
reads the rows into a list, as ``data.streaming=false`` does, under the same bound and, for the first samples, under none. Batched
tokenisation is compared with one-by-one in turns, and the rows compared bit for bit.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

#: Samples of the comparisons; enough for both to be steady.
N_COMPARED, N_ROUNDS, N_MEASURED = 4096, 5, 200_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=200_000)
    parser.add_argument("--bound-mb", type=int, default=2048, help="MiB of data of each process")
    parser.add_argument(
        "--spare-mb", type=int, help="instead: MiB on top of what the program takes before it reads anything"
    )
    parser.add_argument("--only", nargs="+", choices=("ratio", "mixed", "stream"), default=("ratio", "mixed", "stream"))
    parser.add_argument("--workers", type=int, default=0, help="loader processes")
    parser.add_argument("--minutes", type=float, help="stop the epoch after so long; the whole epoch by default")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--shuffle-rows", type=int, default=65_536)
    parser.add_argument("--in-memory", action="store_true", help="also show what a list of all rows takes")
    parser.add_argument("--folder", help="where the samples are or shall be; a temporary folder by default")
    parser.add_argument("--json", help="write all figures here")
    parser.add_argument("--part", choices=("stream", "mixed", "list", "ratio"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        print(json.dumps(PARTS[arguments.part](arguments)))
        return
    with ExitStack() as stack:
        if not arguments.folder:
            arguments.folder = stack.enter_context(tempfile.TemporaryDirectory())
        figures = measure(arguments)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print("| what | figure |\n|---|---|")
    for name, value in figures.items():
        print(f"| {name} | {value:,} |" if isinstance(value, int | float) else f"| {name} | {value} |")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    folder = Path(arguments.folder)
    figures: dict[str, Any] = {
        "samples": arguments.samples,
        "bound_mb": arguments.bound_mb,
        "workers": arguments.workers,
    }
    if not any(folder.glob("train*.parquet")):
        from made_samples import write_made

        started = time.monotonic()
        folder.mkdir(exist_ok=True)
        write_made(folder, arguments.samples)
        write_made(folder, 2, part="validation", seed=1)
        figures["written_s"] = round(time.monotonic() - started, 1)
    figures["files_mb"] = sum(file.stat().st_size for file in folder.glob("*.parquet")) >> 20
    _say("samples are written")
    for part in arguments.only:
        bounded = part != "ratio"
        figures |= {f"{part}_{name}": value for name, value in _part(arguments, part, bounded=bounded).items()}
        _say(f"{part}: done")
    if arguments.in_memory:
        if not arguments.spare_mb:
            figures |= {f"list_{name}": value for name, value in _part(arguments, "list", bounded=False).items()}
            figures["list_would_need_mb"] = int(figures["list_bytes_per_row"] * arguments.samples) >> 20
        figures["list_under_the_bound"] = _part(arguments, "list", bounded=True).get("ended", "held all rows")
    return figures


def _part(arguments: argparse.Namespace, part: str, *, bounded: bool) -> dict[str, Any]:
    """Run a part in a process of its own and watch the memory of it and its workers."""
    command = [sys.executable, str(Path(__file__).resolve()), f"--part={part}", f"--folder={arguments.folder}"]
    for name in ("samples", "workers", "minutes", "batch_size", "shuffle_rows"):
        if (value := getattr(arguments, name)) is not None:
            command.append(f"--{name.replace('_', '-')}={value}")
    command.append(f"--bound-mb={arguments.bound_mb if bounded else 0}")
    if bounded and arguments.spare_mb:
        command.append(f"--spare-mb={arguments.spare_mb}")
    # One arena: memory that is free for one thread is then free for all.
    environment = {**os.environ, "MALLOC_ARENA_MAX": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    peaks: dict[int, int] = {}
    looks = together = 0
    while child.poll() is None:
        family = list(_family(child.pid))
        for process in family:
            peaks[process] = max(peaks.get(process, 0), _status_mb(process, "status", "VmHWM"))
        if looks % 10 == 9:  # adding up shares of pages is work for the system
            together = max(together, sum(_status_mb(process, "smaps_rollup", "Pss") for process in family))
        looks += 1
        time.sleep(0.2)
    output, complaints = child.communicate()
    if child.returncode:
        last = complaints.strip().splitlines()[-1:] or [""]
        if part == "list":
            return {"ended": f"exit status {child.returncode}: {last[0][:80]}"}
        raise SystemExit(f"{part} ended with status {child.returncode}\n{complaints}")
    # The resident peak of the largest process, and of all together with shared pages counted once (looked at every other second).
    return {**json.loads(output), "peak_rss_mb": max(peaks.values()), "peak_of_all_processes_mb": together}


def _family(process: int) -> Iterator[int]:
    yield process
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from _family(int(child))


def _status_mb(process: int, file: str, key: str) -> int:
    try:
        lines = Path(f"/proc/{process}/{file}").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) >> 10 for line in lines if line.startswith(f"{key}:")), 0)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _bound(arguments: argparse.Namespace) -> None:
    if arguments.spare_mb:
        from turn_detection.data.prepared_split import open_prepared

        next(open_prepared([arguments.folder]).train_blocks[0].read())  # loads what reads
        arguments.bound_mb = _status_mb(os.getpid(), "status", "VmData") + arguments.spare_mb
    if arguments.bound_mb:
        resource.setrlimit(resource.RLIMIT_DATA, (arguments.bound_mb << 20,) * 2)


def _maker() -> Any:
    from turn_detection.bundle import open_bundle
    from turn_detection.training.stored_rows import RowMaker
    from turn_detection.training.targets import RowPlan

    return RowMaker(open_bundle().encoder(), RowPlan("random", {}, False, 1000, 42))


def stream(arguments: argparse.Namespace) -> dict[str, Any]:
    """One epoch as training reads it."""
    from turn_detection.data.prepared_split import open_prepared
    from turn_detection.training.streaming import RowStream, StreamLoader

    maker = _maker()
    _bound(arguments)
    started = time.monotonic()
    rows = RowStream(
        open_prepared([arguments.folder]).train_blocks, maker, batch_size=arguments.batch_size,
        shuffle_rows=arguments.shuffle_rows, seed=42,
    )  # fmt: skip
    loader = StreamLoader(rows, arguments.workers)
    opened = time.monotonic()
    n_rows = n_tokens = n_padded = 0
    first_s = 0.0
    for n_batches, batch in enumerate(loader, 1):
        first_s = first_s or time.monotonic() - opened
        n_rows += len(batch["input_ids"])
        n_tokens += int(batch["attention_mask"].sum())
        n_padded += batch["attention_mask"].numel()
        if n_batches % 10_000 == 0:
            _say(f"{n_rows:,} rows, {n_rows / (time.monotonic() - opened):,.0f} a second")
        if arguments.minutes and time.monotonic() - opened > 60 * arguments.minutes:
            break
    seconds = time.monotonic() - opened
    return {
        "rows": n_rows,
        "rows_of_an_epoch": rows.n_rows,
        "opened_s": round(opened - started, 2),
        "first_batch_s": round(first_s, 1),
        "seconds": round(seconds, 1),
        "samples_per_s": round(n_rows / seconds),
        "tokens_per_row": round(n_tokens / n_rows, 1),
        "padding_share": round(1 - n_tokens / n_padded, 3),
    }


def mixed(arguments: argparse.Namespace) -> dict[str, Any]:
    """An epoch without tokenising, in one process: a row is the sample's number, and each must come exactly once."""
    import numpy as np
    from made_samples import sample_number

    from turn_detection.data.prepared_split import open_prepared
    from turn_detection.training.stored_rows import RowMaker
    from turn_detection.training.streaming import RowStream
    from turn_detection.training.targets import TargetRow

    class Numbers(RowMaker):
        def rows(self, samples: Any) -> list[TargetRow | None]:
            numbers = np.asarray([sample_number(sample.sample_id) for sample in samples], np.int32)
            none, one, weight = np.zeros(1, np.int32), np.zeros(1, np.int64), np.ones(1, np.float32)
            return [TargetRow(number, none, one, weight) for number in numbers.reshape(-1, 1)]

    plain = _maker()
    maker = Numbers(plain.encoder, plain.plan)
    _bound(arguments)
    started = time.monotonic()
    blocks = open_prepared([arguments.folder]).train_blocks
    rows = RowStream(
        blocks, maker, batch_size=arguments.batch_size, shuffle_rows=arguments.shuffle_rows, seed=42
    )  # fmt: skip
    seen = np.zeros(rows.n_rows, np.uint8)
    neighbours = last = 0
    for number, batch in enumerate(rows, 1):
        found = batch["input_ids"][:, 0].numpy()
        seen[found] += 1
        neighbours += int((np.abs(np.diff(found, prepend=last)) == 1).sum())
        last = int(found[-1])
        if number % 20_000 == 0:
            _say(f"{number * arguments.batch_size:,} rows mixed")
    return {
        "rows": rows.n_rows,
        "blocks": len(blocks),
        "rows_seen_once": int((seen == 1).sum()),
        "share_still_beside_its_neighbour": round(neighbours / rows.n_rows, 6),
        "samples_per_s": round(rows.n_rows / (time.monotonic() - started)),
    }


def in_list(arguments: argparse.Namespace) -> dict[str, Any]:
    """Rows in a list: all of them under a bound; without one as many as tell what a row takes."""
    from turn_detection.data.prepared_split import open_prepared
    from turn_detection.training.stored_rows import stored_rows

    maker = _maker()
    _bound(arguments)
    split = open_prepared([arguments.folder])
    found = stored_rows(split, maker.encoder, maker.plan)
    kept = list(islice(found, 1000))
    before = _data_mb()
    kept += found if arguments.bound_mb else islice(found, N_MEASURED)
    return {"rows": len(kept), "bytes_per_row": round((_data_mb() - before) * 2**20 / (len(kept) - 1000))}


def _data_mb() -> int:
    gc.collect()
    return _status_mb(os.getpid(), "status", "VmRSS")


def ratio(arguments: argparse.Namespace) -> dict[str, Any]:
    """Samples to rows, one by one and batched, in turns; processor time beside wall time, because other work may run."""
    from turn_detection.data.prepared_split import open_prepared, stored
    from turn_detection.training.stored_rows import BATCH_ITEMS, in_batches
    from turn_detection.training.targets import sample_target

    maker = _maker()
    samples = list(islice(stored(open_prepared([arguments.folder]).train_blocks), N_COMPARED))
    encoder, seed = maker.encoder, maker.plan.seed

    def one_by_one() -> list[Any]:
        n_turns = encoder.spec.history_turns
        return [
            sample_target(encoder.encode_words(sample.varied_context(n_turns, seed), sample.text), sample.label)
            for sample in samples
        ]

    def batched() -> list[Any]:
        return [row for chunk in in_batches(samples, BATCH_ITEMS) for row in maker.rows(chunk)]

    def timed(way: Any) -> tuple[float, float, list[Any]]:
        gc.collect()
        wall, processor = time.perf_counter(), time.process_time()
        rows = way()
        return time.perf_counter() - wall, time.process_time() - processor, rows

    walls, processors, times = [], [], []
    for _ in range(N_ROUNDS):
        single, many = timed(one_by_one), timed(batched)
        walls.append(single[0] / many[0])
        processors.append(single[1] / many[1])
        times.append((single[0], many[0]))
    for one, other in zip(single[2], many[2], strict=True):
        for name in ("input_ids", "positions", "labels", "weights"):
            left, right = getattr(one, name), getattr(other, name)
            if left.dtype != right.dtype or left.tobytes() != right.tobytes():
                raise SystemExit("batched rows differ from those made one by one")
    return {
        "one_by_one_samples_per_s": round(len(samples) / statistics.median(time[0] for time in times)),
        "batched_samples_per_s": round(len(samples) / statistics.median(time[1] for time in times)),
        "wall": round(statistics.median(walls), 2),
        "processor": round(statistics.median(processors), 2),
        "rows_equal": len(samples),
    }


PARTS = {"stream": stream, "mixed": mixed, "list": in_list, "ratio": ratio}

if __name__ == "__main__":
    main()
