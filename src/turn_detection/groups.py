"""The groups of the configuration as frozen dataclasses; the files of ``configs/`` fill them, :mod:`.config` composes those."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .encoding import EncodingSpec
from .errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class DataConfig:
    """Where dialogues come from and how they become samples.

    Attributes:
        name: for run names and the model card.
        kind: ``"hub"`` downloads ``filename`` of the Hugging Face data set ``repo_id``; ``"local"`` reads ``paths``;
            ``"prepared"`` reads at ``paths`` the samples that ``data prepare`` wrote.
        on_malformed: ``"skip"`` a malformed record with a warning, or ``"refuse"`` the file.
        validation_share: share of dialogues held out.
        near_duplicates: whose shared replies of five or more words keep dialogues on one side: of ``"all"``, or of the ``"client"`` only, for
            bots that say the same lines in every call.
        max_validation_replies: cap on replies scored at every validation; chosen by hash.
        source_shares: share of replies kept for training, by source; 1 for sources not named.
        utterances: files of lone utterances, ``{"text": str}``, that train without context and are never held out; what also stands in a
            held-out dialogue is left out.
        openings: train on the first turns of dialogues too, without context.
        spoken_samples: made telephone speech to mix in (``data/spoken.py``); 0 for none.
        max_dialogues: stop reading after so many; for quick trials.
        columns: names of the columns of your tables by what they hold: dialogue, role, text, or agent and client; also start, end.
        agent_names, client_names: the speakers as your files name them, besides the usual names.
        encoding: of your files; ``"auto"`` is UTF-8, and for tables and plain text also Windows-1251.
        streaming: read and encode training samples while training instead of keeping all in memory; ``null`` does so for ``"prepared"``.
        shuffle_rows: rows that a streaming loader process holds and mixes at a time.
    """

    name: str = "conversations"
    kind: Literal["hub", "local", "prepared"] = "hub"
    repo_id: str = "inkoziev/Conversations"
    filename: str = "conversations.jsonl.gz"
    revision: str = "main"
    paths: tuple[str, ...] = ()
    on_malformed: Literal["skip", "refuse"] = "skip"
    validation_share: float = 0.03
    near_duplicates: Literal["all", "client"] = "all"
    max_validation_replies: int = 5000
    source_shares: Mapping[str, float] = field(default_factory=dict)
    utterances: tuple[str, ...] = ()
    openings: bool = False
    spoken_samples: int = 0
    max_dialogues: int | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    agent_names: tuple[str, ...] = ()
    client_names: tuple[str, ...] = ()
    encoding: Literal["auto", "utf-8", "cp1251"] = "auto"
    streaming: bool | None = None
    shuffle_rows: int = 65_536


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The network.

    Attributes:
        name: for run names and manifests.
        encoder: folder or hub name of a pretrained encoder; ``null`` for random weights of ``random``.
        random: transformers configuration of a random encoder, with ``model_type``.
        random_vocabulary: pieces of the vocabulary that a random encoder gets from the training texts.
        n_layers: keep the first layers only; ``null`` for all.
        attention: ``"prefix"`` or ``"full"``, see ``training/model.py``; ``null`` is that of the checkpoint, without one ``"full"``.
        prune_vocabulary: drop pieces that the training texts do not use when the vocabulary is larger than this; 0 for never.
        dropout: before the head and inside the encoder while training.
        checkpoint: start from the weights of this checkpoint instead.
        history_turns, max_context_tokens, max_message_tokens: see ``encoding.EncodingSpec``.
    """

    name: str
    encoder: str | None = None
    random: Mapping[str, Any] = field(default_factory=dict)
    random_vocabulary: int = 2000
    n_layers: int | None = None
    attention: Literal["prefix", "full"] | None = None
    prune_vocabulary: int = 0
    dropout: float = 0.1
    checkpoint: str | None = None
    history_turns: int = 4
    max_context_tokens: int = 48
    max_message_tokens: int = 96

    def encoding_spec(self, *, cls_token: str, sep_token: str, pad_token: str) -> EncodingSpec:
        return EncodingSpec(
            history_turns=self.history_turns,
            max_context_tokens=self.max_context_tokens,
            max_message_tokens=self.max_message_tokens,
            cls_token=cls_token,
            sep_token=sep_token,
            pad_token=pad_token,
        )


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """How training goes.

    Attributes:
        cuts: ``"every_word"`` (needs ``model.attention=prefix``) or ``"random"``, the original's protocol; ``null`` is the first where the
            network's attention allows it, else the second.
        max_minutes: time limit; the learning rate reaches zero with it or with ``max_epochs``, whichever comes first.
        learning_rate, head_learning_rate: peak rates of AdamW for the encoder and the linear layer.
        warmup_share: share of the run with a rising rate.
        batch_size: rows in a batch of one process.
        precision: ``auto`` is ``bf16-mixed`` where the hardware multiplies bfloat16 itself, else ``32-true``; or one of Lightning's.
        accelerator, devices, strategy, num_nodes: handed to ``lightning.Trainer``; ``devices`` are those of one node, each has a
            process of its own.
        accumulate_batches: batches whose gradients make one step of the optimiser.
        deterministic: let torch choose only algorithms that give the same numbers every time; slower on a GPU.
        n_threads: torch threads; ``null`` leaves torch's choice.
        validations: how many times to validate in a run that is limited by time, or per epoch without a time limit.
        teachers: checkpoints or bundles (``default``: the shipped one) whose probabilities are targets beside the labels.
        teacher_share: of a target that is the teachers', 0..1.
        checkpoint_dir: checkpoints go to ``checkpoint_dir/run_name``.
        tracking_uri: MLflow: a server's address or ``sqlite:///file``.
    """

    cuts: Literal["every_word", "random"] | None = None
    batch_size: int = 64
    max_epochs: int = 3
    max_minutes: float | None = None
    learning_rate: float = 2e-5
    head_learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup_share: float = 0.05
    gradient_clip: float = 1.0
    precision: str = "auto"
    accelerator: str = "auto"
    devices: int | str = 1
    strategy: str = "auto"
    num_nodes: int = 1
    accumulate_batches: int = 1
    deterministic: bool = False
    n_workers: int = 0
    n_threads: int | None = None
    validations: int = 4
    teachers: tuple[str, ...] = ()
    teacher_share: float = 0.5
    checkpoint_dir: str = "checkpoints"
    tracking_uri: str = "sqlite:///mlflow.db"
    experiment_name: str = "turn-detection"
    progress: bool = True


@dataclass(frozen=True, slots=True)
class DebugConfig:
    """What makes a run a trial of the program; see ``configs/debug``.

    Attributes:
        one_batch: a single training and a single validation batch, then the end.
        overfit_batches: train on so many batches only, without validations, until ``target_loss``; 0 for all of them.
        target_loss: mean training loss at which a run with ``overfit_batches`` has shown that it can learn.
        max_steps: steps of the optimiser after which the run ends; ``null`` for no such limit.
        profiler: where the time goes: ``"simple"`` by stages of the loop, ``"advanced"`` by functions, ``"pytorch"`` by operators of torch.
        detect_anomaly: let torch name the operation whose gradient is not a number; slow.
        keep: track the run and keep its checkpoints.
    """

    one_batch: bool = False
    overfit_batches: int = 0
    target_loss: float = 0.02
    max_steps: int | None = None
    profiler: Literal["simple", "advanced", "pytorch"] | None = None
    detect_anomaly: bool = False
    keep: bool = True

    def __post_init__(self) -> None:
        if self.one_batch and self.overfit_batches:
            raise ConfigurationError("debug.one_batch and debug.overfit_batches exclude each other; leave one out")


@dataclass(frozen=True, slots=True)
class SweepConfig:
    """A search for better settings, for the command ``sweep``; see ``configs/sweep`` and ``training/search_space.py``.

    Attributes:
        name: of the study; trials of one name in one storage belong together.
        n_trials: to run now.
        space: what to try, by the setting's key: ``{low, high, log, step}`` or ``{choices: [...]}``.
        startup_trials: trials that are never pruned and draw at random, before the sampler learns from them.
    """

    name: str = "sweep"
    n_trials: int = 20
    space: Mapping[str, Any] = field(default_factory=dict)
    startup_trials: int = 5


@dataclass(frozen=True, slots=True)
class ExportConfig:
    """Gates of the export and the calibration.

    Attributes:
        max_parity_error: largest |delta p| between torch and fp32 ONNX.
        max_auc_loss: largest loss of validation ROC-AUC by int8, besides two standard errors of that loss.
        max_validation_samples: validation samples for gate and calibration.
        ngrams: file that ``fit_ngrams`` wrote, to be put into the graph beside the network, or a bundle (``default``: the shipped one) to
            take them from; ``null`` for the network alone.
        ngram_weight: of the n-grams' margin; ``null`` fits it on the validation samples, or takes the bundle's; 0 leaves the n-grams out.
        calibration: ``"fit"`` it to the run's validation samples, or ``"keep"`` that of the bundle that the run started from, for a model
            whose own samples are few or all of one kind.
        ngrams_only: leave the network out instead: the linear baseline, as a bundle of its own.
    """

    max_parity_error: float = 1e-4
    max_auc_loss: float = 0.003
    max_validation_samples: int = 10_000
    ngrams: str | None = None
    ngram_weight: float | None = None
    calibration: Literal["fit", "keep"] = "fit"
    ngrams_only: bool = False

    def __post_init__(self) -> None:
        if self.ngrams is None and (self.ngrams_only or self.ngram_weight):
            raise ConfigurationError(
                "export.ngrams_only and export.ngram_weight need export.ngrams=FILE of 'fit_ngrams'"
            )
        if self.ngram_weight is not None and not 0 <= self.ngram_weight <= 10:
            raise ConfigurationError(f"export.ngram_weight must be from 0 to 10, got {self.ngram_weight:g}")


@dataclass(frozen=True, slots=True)
class InferConfig:
    """Attributes: ``batch_size`` items scored in one call of the engine, ``n_threads`` of the engine inside one call."""

    batch_size: int = 32
    n_threads: int = 1

    def __post_init__(self) -> None:
        for key in ("batch_size", "n_threads"):
            if not 1 <= getattr(self, key) <= 4096:
                raise ConfigurationError(f"infer.{key} must be from 1 to 4096, got {getattr(self, key)}")


@dataclass(frozen=True, slots=True)
class Config:
    """Everything a command needs. ``run_name`` may be empty: a name is then made of model, data and time."""

    data: DataConfig
    model: ModelConfig
    train: TrainConfig
    infer: InferConfig
    export: ExportConfig
    debug: DebugConfig = DebugConfig()
    sweep: SweepConfig | None = None
    seed: int = 42
    run_name: str = ""

    def __post_init__(self) -> None:
        for key, low, high in _RANGES:
            group, _, name = key.partition(".")
            value = getattr(getattr(self, group), name, None)
            if value is not None and not low <= value <= high:
                raise ConfigurationError(f"{key} must be from {low:g} to {high:g}, got {value:g}")


_ANY = float("inf")
#: Keys of numbers with the least and the largest value that make sense.
_RANGES: tuple[tuple[str, float, float], ...] = (
    ("data.validation_share", 0, 0.9),
    ("data.max_validation_replies", 1, _ANY),
    ("data.spoken_samples", 0, _ANY),
    ("data.max_dialogues", 1, _ANY),
    ("data.shuffle_rows", 1, _ANY),
    ("model.random_vocabulary", 50, _ANY),
    ("model.n_layers", 1, _ANY),
    ("model.prune_vocabulary", 0, _ANY),
    ("model.dropout", 0, 0.9),
    ("train.batch_size", 1, _ANY),
    ("train.max_epochs", 1, _ANY),
    ("train.max_minutes", 0.001, _ANY),
    ("train.learning_rate", 0, 1),
    ("train.head_learning_rate", 0, 1),
    ("train.weight_decay", 0, 1),
    ("train.warmup_share", 0, 0.9),
    ("train.gradient_clip", 1e-6, _ANY),
    ("train.num_nodes", 1, 4096),
    ("train.accumulate_batches", 1, _ANY),
    ("train.teacher_share", 0, 1),
    ("train.n_workers", 0, 64),
    ("train.n_threads", 1, 1024),
    ("train.validations", 1, _ANY),
    ("debug.overfit_batches", 0, _ANY),
    ("debug.target_loss", 1e-6, 1),
    ("debug.max_steps", 1, _ANY),
    ("sweep.n_trials", 1, _ANY),
    ("sweep.startup_trials", 1, _ANY),
    ("export.max_validation_samples", 2, _ANY),
)
