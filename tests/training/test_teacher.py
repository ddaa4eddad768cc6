"""Soft targets from trained models."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from turn_detection import TurnDetector
from turn_detection.bundle import open_bundle
from turn_detection.calibration import Calibration
from turn_detection.encoding import EncodedBatch, Encoder
from turn_detection.errors import BundleError, ConfigurationError
from turn_detection.training.from_bundle import bundle_checkpoint, bundle_ngrams, named_bundle, starting_point
from turn_detection.training.module import soft_targets, weighted_loss
from turn_detection.training.teacher import Teacher, Teachers, load_teachers
from turn_detection.types import TurnLabel

MOMENTS = [
    ("Назовите номер телефона.", "восемь девятьсот двадцать"),
    ("Вы ещё на линии?", "да"),
    ("", "я хотел спросить про"),
    ("Чем могу помочь?", "у меня машина не заводится уже второй день и"),
    ("Записать вас на среду?", "да запишите пожалуйста"),
]
pytestmark = pytest.mark.slow


def judged(batch: EncodedBatch) -> torch.Tensor:
    """The tokens of the messages, ``(batch, n_tokens) bool``: those behind the last separator."""
    ids, mask = torch.from_numpy(batch.input_ids), torch.from_numpy(batch.attention_mask)
    is_sep = (ids == open_bundle().encoder().sep_id) & mask.bool()
    n_seps = is_sep.long().cumsum(dim=1)
    return (n_seps == n_seps[:, -1:]) & ~is_sep & mask.bool()


def taught_by(names: list[str], batch: EncodedBatch) -> torch.Tensor:
    teachers = load_teachers(names, open_bundle().encoder(), cuts="random")
    assert teachers is not None
    return answers_of(teachers, batch)


def answers_of(teachers: Teachers, batch: EncodedBatch) -> torch.Tensor:
    ids, mask = torch.from_numpy(batch.input_ids), torch.from_numpy(batch.attention_mask)
    return teachers.probabilities(ids, mask, judged(batch))


def test_the_shipped_bundle_taken_apart_answers_as_it_does_whole() -> None:
    batch = open_bundle().encoder().encode_batch(MOMENTS)
    last = torch.from_numpy(batch.attention_mask).sum(dim=1) - 1
    taught = taught_by(["default"], batch)[torch.arange(len(last)), last]
    uncounted = [(*moment, "none") for moment in MOMENTS]  # counting slots comes after calibration
    expected = [answer.eot_probability for answer in TurnDetector.load().predict_batch(uncounted)]
    assert max(expected) - min(expected) > 0.5, "a constant would pass any comparison"
    torch.testing.assert_close(taught, torch.tensor(expected), atol=0.05, rtol=0)


def test_every_word_has_the_answer_of_its_prefix() -> None:
    bundle = open_bundle()
    network = bundle_checkpoint(bundle).model
    network.attention = "prefix"
    teacher = Teacher(network, bundle_ngrams(bundle)[0], 0.5, Calibration())
    whole, part = (bundle.encoder().encode_batch([("Что случилось?", text)]) for text in ("стучит мотор", "стучит"))
    one, other = answers_of(Teachers([teacher]), whole)[0], answers_of(Teachers([teacher]), part)[0]
    assert other.count_nonzero() >= 1
    torch.testing.assert_close(one[: len(other)], other, atol=1e-4, rtol=0)


def test_several_teachers_answer_with_the_mean_of_their_margins() -> None:
    batch = open_bundle().encoder().encode_batch(MOMENTS)
    torch.testing.assert_close(taught_by(["default", "default"], batch), taught_by(["default"], batch))


def test_ngrams_of_a_bundle_come_with_their_weight() -> None:
    model, facts = bundle_ngrams(open_bundle())
    assert facts["weight"] > 0
    assert (model.table[:, 1] != -128).any(), "an empty table would tell nothing"


def test_a_bundle_that_does_not_describe_its_network_says_what_to_do() -> None:
    bundle = open_bundle()
    facts = {key: value for key, value in bundle.manifest.provenance.items() if key != "network"}
    bare = replace(bundle, manifest=replace(bundle.manifest, provenance=facts))
    with pytest.raises(BundleError, match="export it again with this release"):
        bundle_checkpoint(bare)


def test_names_of_starting_points() -> None:
    assert named_bundle("default") is not None
    assert named_bundle("checkpoints/run/best.ckpt") is None
    bundle = open_bundle()
    shipped = starting_point(bundle.folder)
    assert shipped.model.attention == bundle.manifest.provenance["network"]["attention"]


def test_a_teacher_of_another_vocabulary_is_refused(toy_encoder: Encoder) -> None:
    with pytest.raises(ConfigurationError, match="another vocabulary"):
        load_teachers(["default"], toy_encoder, cuts="random")


def test_targets_are_mixed_and_their_loss_is_least_at_the_mixture() -> None:
    labels = torch.tensor([[TurnLabel.SPEAK.column, TurnLabel.WAIT.column]])
    taught = torch.tensor([[0.6, 0.2]])
    targets = soft_targets(labels, taught, 0.5)
    torch.testing.assert_close(targets[..., TurnLabel.SPEAK.column], torch.tensor([[0.8, 0.1]]))
    torch.testing.assert_close(targets.sum(dim=-1), torch.ones(1, 2))
    weights = torch.ones(1, 2)
    best = weighted_loss(targets.log(), targets, weights)
    for shift in (-0.3, 0.3):
        other = targets.log() + torch.tensor([0.0, shift])
        assert weighted_loss(other, targets, weights) > best


def test_without_a_share_the_labels_are_what_counts() -> None:
    labels, logits = torch.tensor([[0, 1, 1]]), torch.randn(1, 3, 2, generator=torch.Generator().manual_seed(1))
    hard = weighted_loss(logits, labels, torch.ones(1, 3))
    torch.testing.assert_close(
        weighted_loss(logits, soft_targets(labels, torch.rand(1, 3), 0.0), torch.ones(1, 3)), hard
    )
