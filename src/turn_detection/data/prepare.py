"""Samples and their report as files: what a training run would see, for people and for other tools."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from ..config import DataConfig
from ..errors import ConfigurationError
from ..types import Dialogue, TurnLabel
from ..writing import check_replaceable, folder_written_whole
from .digest import dialogues_digest
from .formats.options import ReadingOptions
from .hub import fetch_file
from .prepared import FileFormat, PreparedSample, write_samples
from .samples import labelled_prefixes, measured_prefixes, replies
from .sources import ReadReport, read_dialogues
from .split import Split, fingerprint, long_replies, split_dialogues
from .stored import HISTORY_TURNS, Cut


def configured_dialogues(config: DataConfig, report: ReadReport, *, progress: bool = False) -> Iterator[Dialogue]:
    """The dialogues that a configuration names, from the hub or from local files; ``progress`` counts them on the terminal.

    Raises:
        ConfigurationError: ``kind: local`` without paths, or a negative ``max_dialogues``.
        DataUnavailableError, InputFileNotFoundError, DataFormatError: as the readers say.
    """
    if config.max_dialogues is not None and config.max_dialogues < 0:
        raise ConfigurationError(f"data.max_dialogues must not be negative, got {config.max_dialogues}")
    if config.kind == "prepared":
        raise ConfigurationError("data.kind=prepared holds samples, and dialogues are needed here: set --data=local")
    if config.kind == "hub":
        paths: tuple[str, ...] = (str(fetch_file(config.repo_id, config.filename, revision=config.revision)),)
    elif config.paths:
        paths = config.paths
    else:
        raise ConfigurationError("data.paths is empty; name files or folders: --data.paths=[FILE_OR_FOLDER]")
    options = reading_options(config)
    found = read_dialogues(paths, on_malformed=config.on_malformed, report=report, options=options)
    dialogues = islice(found, config.max_dialogues)
    if not progress:
        return dialogues
    from rich.progress import track

    return iter(track(dialogues, "reading dialogues", transient=True))


def reading_options(config: DataConfig) -> ReadingOptions:
    """How a configuration says that its files are to be read.

    Raises:
        ConfigurationError: a column for something that tables do not hold, or a speaker with two roles.
    """
    return ReadingOptions(
        encoding=config.encoding,
        columns=config.columns,
        agent_names=config.agent_names,
        client_names=config.client_names,
    )


def configured_split(
    config: DataConfig, seed: int, report: ReadReport | None = None, *, progress: bool = False
) -> Split:
    """Read and split what a configuration names."""
    report = ReadReport() if report is None else report
    split = split_dialogues(
        configured_dialogues(config, report, progress=progress),
        config.validation_share,
        seed=seed,
        near_duplicates=config.near_duplicates,
    )
    if not config.utterances:
        return split
    lone = read_dialogues(config.utterances, on_malformed=config.on_malformed, report=report, utterances=True)
    return with_utterances(split, lone)


def with_utterances(split: Split, utterances: Iterable[Dialogue]) -> Split:
    """Add lone utterances to the training part, once each, but for those that a held-out dialogue says too.

    Long ones are compared with every held-out turn; short ones («да», «не знаю») are everybody's and no leak.
    """
    held_out = {text for dialogue in split.validation for text in long_replies(fingerprint(dialogue))}
    found = {text: utterance for utterance in utterances if (text := fingerprint(utterance)) and text not in held_out}
    report = replace(split.report, n_train_dialogues=len(split.train) + len(found))
    return Split((*split.train, *found.values()), split.validation, report)


def prepare_samples(
    config: DataConfig,
    output: Path,
    *,
    seed: int,
    progress: bool = False,
    file_format: FileFormat = "jsonl",
    history_turns: int = HISTORY_TURNS,
) -> dict[str, Any]:
    """Write ``train``, ``validation`` (``.jsonl`` or ``.parquet``) and ``report.json`` to ``output``, which is replaced as a whole.

    A sample holds the protocol's one turn of context and, for training on the files, the ``history_turns`` - 1 before it. The same input
    gives the same bytes. Returns the report: what was read, the split's leaks (none), its dialogues by source, digests of both parts, samples by part and label, and
    where pauses were measured how many of the ``wait`` samples are such.

    Raises:
        OutputError: not writable.
        MissingExtraError: ``"parquet"`` without its extra.
        ConfigurationError, DataUnavailableError, InputFileNotFoundError, DataFormatError: see :func:`configured_dialogues`.
    """
    check_replaceable(output, "report.json")
    read = ReadReport()
    split = configured_split(config, seed, read, progress=progress)
    report: dict[str, Any] = {
        "read": {"dialogues": read.n_dialogues, "turns": read.n_turns, "malformed": read.malformed},
        "split": split.report.to_dict(),
        "train_dialogues_by_source": dict(sorted(Counter(dialogue.source for dialogue in split.train).items())),
        "fingerprint": {"train": dialogues_digest(split.train), "validation": dialogues_digest(split.validation)},
    }
    with folder_written_whole(output, replaces="report.json") as folder:
        measured: dict[str, int] = {}
        for part, dialogues in (("train", split.train), ("validation", split.validation)):
            # As in training: first turns and lone utterances train if they are asked for, and are never held out.
            openings = config.openings and part == "train"
            samples = _samples(dialogues, part, seed, max(1, history_turns), openings)
            labels = write_samples(folder / f"{part}.{file_format}", samples, file_format)
            measured[part] = labels.pop("measured", 0)
            report[part] = labels
        if any(measured.values()):
            report["measured_pauses"] = measured
        (folder / "report.json").write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return report


def _samples(
    dialogues: Iterable[Dialogue], part: str, seed: int, history_turns: int, openings: bool
) -> Iterator[PreparedSample]:
    for dialogue in dialogues:
        for reply in replies(dialogue, history_turns=history_turns, openings=openings):
            measured = bool(measured_prefixes(reply))
            history, context = reply.context[:-1], reply.context[-1:]
            for sample in labelled_prefixes(replace(reply, context=context), seed=seed):
                cut: Cut = "measured" if measured else "whole" if sample.label is TurnLabel.SPEAK else "random"
                yield PreparedSample(sample, dialogue, part, cut, reply.identity, history)
