"""Promises 1, 2 and 5: the original system's commands, argument for argument, its JSON, and what bad input gets."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ITEMS = [
    {"context": "Чем могу помочь?", "message": "мне нужен", "id": 7, "note": {"kept": [1, None]}},
    {"context": None, "message": "да"},
    {"message": ""},
    {"context": [{"role": "assistant", "content": "Алло?"}, {"role": "tool", "content": None}], "message": "алло"},
]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run ``python -m turn_detection.commands`` in an empty folder, as a user would, without the network."""

    def execute(*arguments: str, preexec: Callable[[], None] | None = None) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "COLUMNS": "120"}
        return subprocess.run(
            [sys.executable, "-m", "turn_detection.commands", *arguments],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, preexec_fn=preexec,
        )  # fmt: skip

    return execute


@pytest.fixture
def items(tmp_path: Path) -> Path:
    path = tmp_path / "in.json"
    path.write_text(json.dumps(ITEMS, ensure_ascii=False), encoding="utf-8")
    return path


def refused(result: subprocess.CompletedProcess[str], *words: str) -> None:
    assert result.returncode == 2, result.stderr
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    for word in words:
        assert word in lines[0]


def test_infer_with_a_bundle_keeps_the_objects_and_adds_probas(
    run: Run, items: Path, toy_bundle: Path, tmp_path: Path
) -> None:
    result = run("infer", "in.json", str(toy_bundle), "--output", "out.json")
    assert result.returncode == 0, result.stderr
    written = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert [{key: value for key, value in item.items() if key != "probas"} for item in written] == ITEMS
    for item in written:
        assert set(item["probas"]) == {"wait", "speak"}
        assert item["probas"]["wait"] + item["probas"]["speak"] == pytest.approx(1)
    assert written[2]["probas"]["speak"] == 0.0
    assert "4 items" in result.stdout
    assert "мне нужен" not in result.stdout + result.stderr, "callers' words are shown only on demand"


def test_infer_writes_predictions_json_by_default_and_takes_the_onnx_inside_a_bundle(
    run: Run, items: Path, toy_bundle: Path, tmp_path: Path
) -> None:
    result = run("infer", "in.json", str(toy_bundle / "model.onnx"))
    assert result.returncode == 0, result.stderr
    assert len(json.loads((tmp_path / "predictions.json").read_text(encoding="utf-8"))) == 4


def test_the_table_shows_texts_and_answers_on_demand(run: Run, items: Path, toy_bundle: Path) -> None:
    result = run("infer", "in.json", str(toy_bundle), "--table")
    assert "мне нужен" in result.stdout
    assert "P(speak)" in result.stdout


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{not json", "is not JSON"),
        ('{"message": "да"}', "must hold a list"),
        ('[{"message": "да"}, 5]', "item 1 must be an object"),
        ('[{"context": "?"}]', "item 0: the key 'message' is missing"),
        ('[{"message": 5}]', "item 0: 'message' must be a string"),
        ('[{"message": "да", "context": 5}]', "item 0: 'context' must be"),
        ('[{"message": "да", "context": [{"content": "?"}]}]', "context[0]"),
    ],
)
def test_a_file_of_the_wrong_shape_is_refused_with_the_place(
    content: str, words: str, run: Run, toy_bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "in.json").write_text(content, encoding="utf-8")
    refused(run("infer", "in.json", str(toy_bundle)), words)
    assert not (tmp_path / "predictions.json").exists()


def test_missing_files_and_folders_are_named(run: Run, items: Path, toy_bundle: Path) -> None:
    refused(run("infer", "nowhere.json"), "no such file: nowhere.json")
    refused(run("infer", "in.json", "nowhere.ckpt"), "nowhere.ckpt")
    refused(run("infer", "in.json", str(toy_bundle), "--output", "nowhere/out.json"), "nowhere")
    refused(run("infer", "in.json", "in.json"), "no checkpoint, or a damaged one")
    refused(run("export_onnx", "nowhere.ckpt"), "no such checkpoint")
    refused(run("export_onnx", "in.json"), "no checkpoint, or a damaged one")


def test_a_bundle_with_a_missing_or_altered_file_is_refused(
    run: Run, items: Path, toy_bundle: Path, tmp_path: Path
) -> None:
    shutil.copytree(toy_bundle, tmp_path / "altered")
    model = tmp_path / "altered" / "model.onnx"
    model.write_bytes(model.read_bytes() + b"\0")
    refused(run("infer", "in.json", "altered"), "model.onnx", "altered or damaged")
    model.unlink()
    refused(run("infer", "in.json", "altered"), "model.onnx is missing")


def test_a_model_of_another_name_is_refused(run: Run, items: Path, toy_bundle: Path) -> None:
    refused(run("infer", "in.json", str(toy_bundle), "--model=rubert"), "rubert")


def test_unknown_settings_and_arguments_are_refused(run: Run, items: Path) -> None:
    refused(run("train", "--train.max_minute=5"), "train.max_minute", "max_minutes")
    refused(run("train", "--experiment", "nonsense"), "nonsense", "rubert")
    refused(run("train", "--model=nonsense"), "nonsense")
    refused(run("train", "--train.max_epochs=many"), "train.max_epochs", "int")
    refused(run("train", "--train.max_epochs"), "has no value")
    refused(run("train", "nonsense"), "nonsense")
    refused(run("nonsense"), "nonsense")
    refused(run("score", "in.json", "--infer.batch_size=5"), "score takes no settings")
    refused(run("infer", "in.json", "--nonsense"), "--nonsense")
    refused(run("infer", "in.json", "--infer.nonsense=1"), "infer.nonsense", "batch_size")
    refused(run("infer", "in.json", "--infer.batch_size=0"), "infer.batch_size")


def test_training_without_the_hub_says_how_to_use_local_files(run: Run) -> None:
    refused(run("train"), "inkoziev/Conversations", "--data=local", "--data.paths")


def test_a_full_disk_leaves_the_old_predictions_whole(run: Run, toy_bundle: Path, tmp_path: Path) -> None:
    many = [{"message": "мне нужен билет на завтра", "n": index} for index in range(2000)]
    (tmp_path / "in.json").write_text(json.dumps(many, ensure_ascii=False), encoding="utf-8")
    (tmp_path / "out.json").write_text("the old ones")

    def small_files_only() -> None:
        # A write beyond the limit fails with EFBIG, as one on a full disk fails with ENOSPC.
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))

    result = run("infer", "in.json", str(toy_bundle), "--output", "out.json", preexec=small_files_only)
    refused(result, "out.json", "nothing was changed")
    assert (tmp_path / "out.json").read_text() == "the old ones"
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.endswith((".json", ".tmp"))) == [
        "in.json",
        "out.json",
    ]


@pytest.mark.slow
def test_train_infer_resume_and_export_as_the_original_did(run: Run, items: Path, tmp_path: Path) -> None:
    data = f"--data.paths=[{ROOT / 'data' / 'demo_dialogues.jsonl'}]"
    first = run("train", "--experiment", "tiny", data, "--train.max_epochs=1", "--run_name=one", "--model.dropout=0.0")
    assert first.returncode == 0, first.stderr
    checkpoints = tmp_path / "checkpoints" / "one"
    assert sorted(path.name for path in checkpoints.iterdir()) == ["best.ckpt", "last.ckpt"]
    assert (tmp_path / "mlflow.db").is_file()

    more = run(
        "train", "--experiment", "tiny", data, "--resume", str(checkpoints / "last.ckpt"), "--train.max_epochs=2", "--run_name=two"
    )  # fmt: skip
    assert more.returncode == 0, more.stderr

    with_checkpoint = run("infer", "in.json", str(checkpoints / "best.ckpt"), "--model=tiny", "--output", "torch.json")
    assert with_checkpoint.returncode == 0, with_checkpoint.stderr
    assert len(json.loads((tmp_path / "torch.json").read_text(encoding="utf-8"))) == 4

    export = run(
        "export_onnx",
        str(checkpoints / "best.ckpt"),
        "--model=tiny",
        "--output",
        "model.onnx",
        "--export.max_auc_loss=0.05",
    )
    assert export.returncode == 0, export.stderr
    with_onnx = run("infer", "in.json", "model.onnx", "--output", "onnx.json")
    assert with_onnx.returncode == 0, with_onnx.stderr

    refused(run("infer", "in.json", str(checkpoints / "best.ckpt"), "--model=rubert"), "tiny", "rubert")
    refused(run("export_onnx", str(checkpoints / "best.ckpt"), "--export.nonsense=1"), "export.nonsense")
    refused(run("train", "--experiment", "tiny", data, "--resume", "in.json"), "no checkpoint, or a damaged one")
