"""The model card, written by the program from what the manifest records: no figure gets in that no run measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..bundle import Manifest
from .figures_origin import ORIGIN, measured

#: What weights may have seen, with licence and attribution: source name -> (what it is, licence).
SOURCES: Mapping[str, tuple[str, str]] = {
    "conversations": (
        "jokes told as dialogues, Hugging Face set inkoziev/Conversations by Ilya Koziev",
        "as stated at its page",
    ),
    "anekdots": ("jokes told as dialogues, Koziev/NLP_Datasets by Ilya Koziev", "CC0"),
    "movies": (
        "film lines machine-translated into Russian, Koziev/NLP_Datasets by Ilya Koziev",
        "CC0 as published there",
    ),
    "plays": ("prose plays 1830-1930, Russian Drama Corpus (RusDraCor)", "CC0"),
    "fiction": ("dialogue from classic novels", "public domain"),
    "short_qa": ("synthetic questions with short answers, Koziev/NLP_Datasets by Ilya Koziev", "CC0"),
    "autoservice": ("customer and bot chats of a garage, written by a language model, dapi/valera", "MIT"),
    "smarthome": ("voice commands and replies, home-assistant/intents", "CC BY 4.0"),
    "tatoeba": ("everyday sentences, Tatoeba (tatoeba.org)", "CC BY 2.0 FR"),
    "assistant": ("commands to a voice assistant", "Apache-2.0"),
    "prompts": ("prompts read by voice talents", "MIT"),
    "commonvoice": ("read sentences, Mozilla Common Voice", "CC0"),
    "medical": ("medical text", "CC0"),
    "mycroft": ("commands to a voice assistant, Mycroft", "Apache-2.0"),
    "demo_dialogues": ("small dialogues of this project's own", "MIT"),
}
#: Pretrained encoders by the last part of their hub name or folder -> attribution. ``e5ru`` is the folder of e5-small's Russian part.
ENCODERS: Mapping[str, str] = {
    "multilingual-e5-small": "multilingual-e5-small by intfloat (Wang et al., arXiv:2402.05672), MIT licence",
    "e5ru": "multilingual-e5-small by intfloat (Wang et al., arXiv:2402.05672), MIT licence, vocabulary pruned to Russian",
    "RuModernBERT-base": "deepvk/RuModernBERT-base, Apache-2.0 licence",
    "RuModernBERT-small": "deepvk/RuModernBERT-small, Apache-2.0 licence",
}
_FIGURES = {
    "n": "samples",
    "roc_auc": "ROC-AUC",
    "average_precision": "average precision",
    "f1": "F1 at the threshold",
    "precision": "precision at the threshold",
    "recall": "recall at the threshold",
    "accuracy": "accuracy at the threshold",
    "best_f1": "best F1 over thresholds",
    "tnr_at_tpr_993": "TNR at TPR 99.3 %",
    "log_loss": "log-loss",
    "brier": "Brier score",
    "ece": "ECE (15 bins of equal mass)",
}


def model_card(manifest: Manifest) -> str:
    """Markdown with the front matter of the Hugging Face hub.

    Sets of figures of which the manifest does not say who measured them are named and left out.

    Raises:
        BundleError: figures were changed after they were measured.
    """
    figures, unknown = measured(manifest)
    provenance = manifest.provenance
    config: Mapping[str, Any] = provenance.get("config", {})
    data: Mapping[str, Any] = provenance.get("data", {})
    parts = [
        "---\nlanguage: ru\nlicense: mit\nlibrary_name: turn-detection\npipeline_tag: text-classification\n"
        "tags: [turn-detection, end-of-turn, endpointing, voice-bot]\n---",
        f"# {manifest.name}",
        "Decides from the bot's last words and the caller's words so far whether the caller has finished (`speak`) or only paused "
        "(`wait`). Russian, text only. Written by the program; figures are those that its runs measured.",
        "## Use\n\n```python\nfrom turn_detection import TurnDetector\n\ndetector = TurnDetector.load()\n"
        'detector.predict("да я хотел бы", context="Чем могу помочь?").eot_probability\n```',
        _network(manifest, config),
        _training(provenance, config, data),
        _figures(figures, provenance.get(ORIGIN, {}), unknown),
        "## Limits\n\n* Reads words, not intonation. Where the words so far are a whole sentence, the caller may still go on; pair it "
        "with an audio detector if you can.\n"
        "* Trained on written dialogue, where a prefix that could stand alone is still labelled `wait`; 0.5 means even odds for that mix "
        f"({_share(figures)} of the validation samples are whole replies), not for a caller's pause.\n"
        "* Russian. Latin words inside Russian speech are read; other languages are not judged.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _share(metrics: Mapping[str, float]) -> str:
    share = metrics.get("validation/speak_share")
    return f"{share:.0%}" if share is not None else "about half"


def _network(manifest: Manifest, config: Mapping[str, Any]) -> str:
    model = config.get("model", {})
    size = sum(record.n_bytes for record in manifest.files.values()) / 1e6
    # Weights that come from an earlier run come from that run's encoder.
    ancestry = manifest.provenance.get("ancestry") or [model]
    encoder = str(ancestry[0].get("encoder") or "random weights")
    known = ENCODERS.get(encoder.rstrip("/").split("/")[-1])
    if model.get("checkpoint") and not manifest.provenance.get("ancestry"):
        known = f"the weights of {model['checkpoint']}"
    lines = [
        f"* encoder: {known or encoder}" + (f", first {model['n_layers']} layers" if model.get("n_layers") else ""),
        f"* attention: {model.get('attention', 'unknown')}; weights: {manifest.precision}; bundle: {size:.1f} MB",
        f"* input: up to {manifest.encoding.history_turns} turns of context ({manifest.encoding.max_context_tokens} tokens) and "
        f"{manifest.encoding.max_message_tokens} tokens of the caller's turn; longer texts keep their end",
        f"* text rules version {manifest.text_version}; threshold {manifest.threshold:g}; temperature {manifest.temperature:.3f}, "
        f"bias {manifest.bias:+.3f}",
    ]
    return "## Model\n\n" + "\n".join(lines)


def _training(provenance: Mapping[str, Any], config: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    rows = ["| source | dialogues | what | licence |", "|---|---|---|---|"]
    for source, count in data.get("train_dialogues_by_source", {}).items():
        what, licence = SOURCES.get(source, ("the user's own data", "the user's"))
        rows.append(f"| {source} | {count:,} | {what} | {licence} |")
    spoken = provenance.get("spoken_samples", 0)
    if spoken:
        rows.append(f"| spoken | {spoken:,} samples | telephone speech made by this project (`data/spoken`) | MIT |")
    train = config.get("train", {})
    facts = [
        *(_ancestor(run) for run in provenance.get("ancestry", [])),
        f"run `{provenance.get('run_name', 'unknown')}`, commit `{str(provenance.get('git_commit', 'unknown'))[:12]}`"
        + (" with uncommitted changes" if provenance.get("git_dirty") else ""),
        f"seed {provenance.get('seed')}, cuts {train.get('cuts')}, batch {train.get('batch_size')}, at most {train.get('max_epochs')} epochs"
        + (f" or {train['max_minutes']:g} minutes" if train.get("max_minutes") else "")
        + f", peak rate {train.get('learning_rate')}",
        f"{provenance.get('training_rows', 0):,} training rows; split by dialogue, near-duplicates together: "
        f"{data.get('shared_dialogues')} dialogues and {data.get('shared_replies')} long replies on both sides",
        ", ".join(f"{name} {version}" for name, version in provenance.get("versions", {}).items()),
    ]
    return "## Training\n\n" + "\n".join(rows) + "\n\n" + "\n".join(f"* {fact}" for fact in facts if fact)


def _ancestor(run: Mapping[str, Any]) -> str:
    minutes = f"at most {run['max_minutes']:g} minutes, " if run.get("max_minutes") else ""
    return (
        f"before it run `{run.get('run_name')}`, commit `{str(run.get('git_commit', 'unknown'))[:12]}`: {minutes}peak rate "
        f"{run.get('learning_rate')}, {run.get('training_rows') or 0:,} rows, {run.get('spoken_samples') or 0:,} of them made speech"
    )


def _figures(metrics: Mapping[str, float], origins: Mapping[str, Any], unknown: list[str]) -> str:
    """One table with a column for every set that was scored (``validation``, and what ``score --record`` added)."""
    sets = list(dict.fromkeys(key.split("/")[0] for key in metrics if "/" in key))
    parts = []
    if sets:
        rows = ["| | " + " | ".join(sets) + " |", "|---|" + "---|" * len(sets)]
        for key, title in _FIGURES.items():
            values = [metrics.get(f"{name}/{key}") for name in sets]
            if any(value is not None for value in values):
                rows.append(f"| {title} | " + " | ".join(_number(key, value) for value in values) + " |")
        parts.append("\n".join(rows))
    lines = []
    if "validation/roc_auc" in metrics and "validation/roc_auc_fp32" in metrics:
        lines.append(
            f"int8 against fp32 on validation: ROC-AUC {metrics['validation/roc_auc']:.4f} against {metrics['validation/roc_auc_fp32']:.4f}"
        )
    if "parity_error" in metrics:
        lines.append(f"largest difference in p between torch and fp32 ONNX: {metrics['parity_error']:.1e}")
    lines += [_origin(name, origins[name]) for name in sets if name in origins]
    if unknown:
        lines.append(f"left out, for the manifest does not say who measured them: {', '.join(unknown)}")
    if lines:
        parts.append("\n".join(f"* {line}" for line in lines))
    return "\n\n".join(["## Figures", *parts]) if parts else ""


def _origin(name: str, origin: Mapping[str, Any]) -> str:
    data = origin.get("data", {})
    on = "".join(f", {key} {value[:12] if key == 'sha256' else value}" for key, value in data.items())
    return f"{name}: `{origin.get('command')}`{on}; turn-detection {origin.get('turn_detection')}"


def _number(key: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if key == "n" else f"{value:.4f}"
