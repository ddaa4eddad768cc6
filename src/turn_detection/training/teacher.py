"""Soft targets from models that are trained already: what a small network learns from a large one, or a fine-tuned one must not forget.

Hinton et al., "Distilling the Knowledge in a Neural Network" (arXiv:1503.02531). A teacher answers at every judged token, so that one
of its passes gives as many soft targets as there are words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..calibration import Calibration
from ..encoding import Encoder
from ..errors import ConfigurationError
from ..types import TurnLabel
from .checkpoint import load_checkpoint
from .from_bundle import bundle_checkpoint, bundle_ngrams, named_bundle
from .model import EndOfTurnModel
from .ngram import HashedNgrams
from .targets import Cuts


@dataclass(frozen=True, slots=True)
class Teacher:
    """One model: its network, its n-grams if it has some, its calibration."""

    network: EndOfTurnModel
    ngrams: HashedNgrams | None
    ngram_weight: float
    calibration: Calibration

    def margins(self, input_ids: Tensor, attention_mask: Tensor, judged: Tensor) -> Tensor:
        """Calibrated ``logit_speak - logit_wait`` at the judged tokens in their order, ``(n_judged,) float32``."""
        logits = self.network(input_ids, attention_mask)[judged].float()
        speak = TurnLabel.SPEAK.column
        margins: Tensor = logits[:, speak] - logits[:, 1 - speak]
        if self.ngrams is not None:
            # Integer arithmetic that a CPU does well and some accelerators not at all.
            keys = self.ngrams.keys(input_ids.cpu(), attention_mask.cpu(), *judged.cpu().nonzero(as_tuple=True))
            margins = margins + self.ngram_weight * self.ngrams.margins(keys).to(margins.device)
        return margins / self.calibration.temperature + self.calibration.bias


class Teachers:
    """Some teachers that answer as one, with the mean of their margins.

    Deliberately no ``torch.nn.Module``: what belongs to a module is trained, saved and moved with it.
    """

    def __init__(self, teachers: Sequence[Teacher]) -> None:
        self._teachers = list(teachers)
        self._device: torch.device | None = None

    @torch.no_grad()
    def probabilities(self, input_ids: Tensor, attention_mask: Tensor, judged: Tensor) -> Tensor:
        """See :class:`~.module.SoftTargets`."""
        if self._device != input_ids.device:
            self._device = input_ids.device
            for teacher in self._teachers:
                teacher.network.to(input_ids.device)
        margins = [teacher.margins(input_ids, attention_mask, judged) for teacher in self._teachers]
        taught = torch.zeros(input_ids.shape, device=input_ids.device)
        taught[judged] = torch.stack(margins).mean(dim=0).sigmoid()
        return taught


def load_teachers(names: Sequence[str | Path], encoder: Encoder, *, cuts: Cuts) -> Teachers | None:
    """The teachers that ``train.teachers`` names; ``None`` for none.

    Args:
        names: checkpoints or bundles, see :func:`~.from_bundle.starting_point`. A bundle's n-grams and calibration are part of its answer.
        encoder: of the network that learns from them; they must read the same tokens.
        cuts: of the rows to be taught on. With ``"random"`` only the last token of a row is judged, which any teacher can answer.

    Raises:
        ConfigurationError: a teacher reads another vocabulary or layout, or answers only at the last token where every word is judged.
        BundleError, CheckpointError, InputFileNotFoundError: see :func:`~.from_bundle.starting_point`.
    """
    return Teachers([_load(name, encoder, cuts) for name in names]) if names else None


def _load(name: str | Path, encoder: Encoder, cuts: Cuts) -> Teacher:
    bundle = named_bundle(name)
    found = load_checkpoint(name) if bundle is None else bundle_checkpoint(bundle)
    if found.encoder.tokenizer_json() != encoder.tokenizer_json() or found.encoder.sep_id != encoder.sep_id:
        raise ConfigurationError(
            f"the teacher {name} reads another vocabulary than the network that is to learn from it; start both from one encoder, or "
            "the network from its teacher (--model.checkpoint)"
        )
    if cuts == "every_word" and found.model.attention != "prefix":
        raise ConfigurationError(
            f"the teacher {name} answers only at the last token; set --train.cuts=random, or take a teacher that was trained with "
            "model.attention=prefix"
        )
    model = found.model.eval().requires_grad_(False)
    if bundle is None:
        return Teacher(model, None, 0.0, Calibration())
    manifest = bundle.manifest
    ngrams, weight = None, 0.0
    if "ngrams" in manifest.provenance:
        ngrams, facts = bundle_ngrams(bundle)
        weight = float(facts.get("weight", 0.0))
    return Teacher(model, ngrams, weight, Calibration(manifest.temperature, manifest.bias))
