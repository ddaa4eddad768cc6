"""What a figure means nothing without."""

from __future__ import annotations

from dataclasses import replace

from turn_detection.speed.machine import this_machine


def test_the_machine_names_its_processor_and_versions() -> None:
    machine = this_machine("onnx")
    assert machine.cpu
    assert machine.n_cores >= 1
    assert {"python", "turn-detection", "onnxruntime", "tokenizers", "numpy", "onnx"} == set(machine.versions)


def test_a_machine_with_other_work_is_called_busy() -> None:
    machine = this_machine()
    assert replace(machine, load_average=1.7).was_busy
    assert not replace(machine, load_average=0.1).was_busy
    assert not replace(machine, load_average=None).was_busy
