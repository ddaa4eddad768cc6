"""A small network, trained once for all tests of this folder, on the project's own dialogues."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DIALOGUES = ROOT / "data" / "demo_dialogues.jsonl"


@dataclass(frozen=True)
class TrainedRun:
    folder: Path
    best: Path
    last: Path
    roc_auc: float
    tracking_uri: str


@pytest.fixture(scope="session")
def tracking_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One MLflow data base for all runs: making it takes longer than training."""
    return f"sqlite:///{tmp_path_factory.mktemp('tracking') / 'mlflow.db'}"


@pytest.fixture(scope="session")
def tiny_overrides(tracking_uri: str, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("checkpoints")
    return [
        "experiment=tiny",
        f"data.paths=[{DIALOGUES}]",
        f"train.tracking_uri={tracking_uri}",
        f"train.checkpoint_dir={folder}",
        "train.progress=false",
    ]


@pytest.fixture(scope="session")
def tiny_run(tiny_overrides: list[str], tracking_uri: str) -> TrainedRun:
    from turn_detection.config import load_config
    from turn_detection.training.run import train

    result = train(load_config([*tiny_overrides, "run_name=shared", "train.max_epochs=6"]))
    return TrainedRun(
        result.best_checkpoint.parent, result.best_checkpoint, result.last_checkpoint, result.roc_auc, tracking_uri
    )


@pytest.fixture(scope="session")
def tiny_export(tiny_run: TrainedRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from turn_detection.export import export_bundle

    folder = tmp_path_factory.mktemp("export") / "bundle"
    export_bundle(tiny_run.best, folder, fp16=True)
    return folder


@pytest.fixture(scope="session")
def modernbert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``deepvk/RuModernBERT-base`` looks like on disk, small and with random weights; a stand-in for the hub."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import ModernBertConfig, ModernBertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("encoders") / "modernbert"
    texts = [
        message["content"]
        for line in DIALOGUES.read_text(encoding="utf-8").splitlines()
        for message in json.loads(line).get("messages", [])
    ]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
    trainer = trainers.BpeTrainer(
        vocab_size=800,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    names = {f"{name.strip('[]').lower()}_token": name for name in special}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    ids = {name: tokenizer.token_to_id(name) for name in special}
    ModernBertModel(
        ModernBertConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=48,
            intermediate_size=72,
            num_hidden_layers=4,
            num_attention_heads=4,
            max_position_embeddings=600,
            local_attention=16,
            pad_token_id=ids["[PAD]"],
            cls_token_id=ids["[CLS]"],
            sep_token_id=ids["[SEP]"],
            bos_token_id=ids["[CLS]"],
            eos_token_id=ids["[SEP]"],
        )
    ).save_pretrained(folder)
    return folder
