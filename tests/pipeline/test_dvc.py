"""``dvc.yaml`` as docs/dvc.md tells it: from nothing to a judged model, again only what changed, pushed and pulled.

``make test`` names the interpreter that has DVC and a server of S3's protocol in TURN_DETECTION_DVC_PYTHON.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from turn_detection import TurnDetector

from ..data.serving import serving
from ..data.test_hub import COMMIT, CONTENT, FILE, REPO, HubStandIn
from .dvc_desk import ROOT, Desk, clone, guide, guide_blocks, ran

PYTHON = os.environ.get("TURN_DETECTION_DVC_PYTHON")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PYTHON is None, reason="TURN_DETECTION_DVC_PYTHON is not set; run 'make test-dvc'"),
]

STAGES = ["download", "prepare", "train", "export", "evaluate"]
#: Blocks of the guide that are run below, and those that install or need an account.
RUN = {("Run", 0), ("Compare", 0), ("Share", 0), ("Share", 1), ("Share", 2), ("Callers' words", 0)}
NOT_RUN = {("Set up", 0), ("Share", 3)}
KEY, SECRET = "AKIAOFNOBODY", "secretofnobody"


@dataclass(frozen=True)
class Finished:
    """A clone in which the guide's "Run" was followed, and what was seen on the way."""

    desk: Desk
    from_hub: dict[str, object]
    first: str
    again: str


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    desk = clone(tmp_path_factory.mktemp("dvc") / "clone", Path(str(PYTHON)))
    desk.set("configs/data/conversations.yaml", "inkoziev/Conversations", REPO)
    with serving(HubStandIn()) as environment:
        desk.run("dvc repro download", HF_HOME=str(desk.folder.parent / "hf"), **environment)
    raw = desk.folder / "data" / "raw"
    assert (raw / "dialogues" / FILE).read_bytes() == CONTENT
    from_hub = json.loads((raw / "sources.json").read_text(encoding="utf-8"))

    for old, new in (
        ("data: conversations", "data: demo"),
        ("experiment: e5ru", "experiment: tiny"),
        ("model: e5ru", "model: tiny"),
        ("train_settings: {}", "train_settings: {train: {max_epochs: 2}}"),
        ("n-resamples: 1000", "n-resamples: 20"),
        ("sample: 2000", "sample: 0"),
    ):
        desk.set("params.yaml", old, new)
    # A network of two epochs; its loss by int8 is not what is looked at.
    desk.set("configs/export/default.yaml", "max_auc_loss: 0.003", "max_auc_loss: 0.05")
    desk.run("git add params.yaml configs")
    repro, *keep = guide("Run")
    first = desk.run(repro)
    desk.run(*keep)
    return Finished(desk, from_hub, first, desk.run(repro))


def test_every_command_of_the_guide_is_run_here_or_said_to_be_not() -> None:
    assert set(guide_blocks()) == RUN | NOT_RUN


def test_the_set_that_everybody_trains_on_comes_from_the_hub(finished: Finished) -> None:
    listed = {key: value for key, value in finished.from_hub.items() if key != "files"}
    assert listed == {"data": "conversations", "kind": "hub", "repo_id": REPO, "revision": "main", "commit": COMMIT}


def test_from_nothing_to_a_judged_model(finished: Finished) -> None:
    assert ran(finished.first) == STAGES
    written = set(finished.desk.digests())
    assert {
        "data/raw/dialogues/data/demo_dialogues.jsonl", "data/raw/sources.json", "data/prepared/validation.jsonl",
        "outputs/checkpoints/dvc/best.ckpt", "outputs/curves/train_loss.json", "outputs/bundle/model.onnx",
        "outputs/bundle/MODEL_CARD.md", "outputs/report/index.html", "outputs/figures/metrics.json",
    } <= written  # fmt: skip
    metrics = json.loads((finished.desk.folder / "outputs" / "figures" / "metrics.json").read_text(encoding="utf-8"))
    assert 0.5 < metrics["roc_auc_low"] < metrics["roc_auc"] < metrics["roc_auc_high"] < 1
    # Nothing that the stages wrote is Git's business, but for the committed page of digests.
    assert finished.desk.run("git status --porcelain") == ""
    assert "dvc.lock" in finished.desk.run("git ls-files")


def test_the_second_time_nothing_is_done(finished: Finished) -> None:
    assert ran(finished.again) == []
    assert "up to date" in finished.again


@pytest.mark.parametrize(
    ("file", "old", "new", "concerned"),
    [
        ("configs/export/default.yaml", "max_parity_error: 1.0e-4", "max_parity_error: 2.0e-4", ["export"]),
        ("configs/train/default.yaml", "weight_decay: 0.01", "weight_decay: 0.02", ["train"]),
    ],
)
def test_a_setting_of_the_configuration_concerns_the_stage_that_reads_it(
    finished: Finished, file: str, old: str, new: str, concerned: list[str]
) -> None:
    finished.desk.set(file, old, new)
    try:
        # Stages after it show once it has run and left something else.
        assert ran(finished.desk.run("dvc repro --dry")) == concerned
    finally:
        finished.desk.set(file, new, old)


def test_runs_are_compared_by_their_figures_and_plots(finished: Finished) -> None:
    desk = finished.desk
    desk.set("params.yaml", "n-resamples: 20", "n-resamples: 40")
    told = dict(zip(guide("Compare"), desk.outputs(*guide("Compare")), strict=True))
    assert ran(told["dvc repro --dry"]) == ran(told["dvc repro"]) == ["evaluate"]
    assert "evaluate" in told["dvc status"]
    assert re.search(r"evaluate\.n-resamples\s+20\s+40", told["dvc params diff"])
    assert "roc_auc" in told["dvc metrics show"]
    # The same samples and model: the figures stand, their interval is another.
    changed = set(re.findall(r"metrics\.json\s+(\w+)", told["dvc metrics diff"]))
    assert changed == {"roc_auc_low", "roc_auc_high"}
    page = (desk.folder / "dvc_plots" / "index.html").read_text(encoding="utf-8")
    for name in ("false_positive_rate", "mean_probability", "validation_roc_auc", "train_loss"):
        assert name in page
    assert '"rev": "HEAD"' in page
    assert '"rev": "workspace"' in page
    desk.run("git commit --quiet --all --message compared")


def test_a_folder_keeps_what_a_machine_lost(finished: Finished, tmp_path: Path) -> None:
    desk, before = finished.desk, finished.desk.digests()
    add, push, pull = guide("Share", 0)
    desk.run(add.replace("/mnt/turn-detection", str(tmp_path)), push)
    desk.forget()
    _, again, _ = desk.outputs(pull, "dvc repro", "dvc remote remove store")
    assert desk.digests() == before
    assert ran(again) == []


def test_a_store_of_s3s_protocol_serves_colleagues(finished: Finished, s3: str, tmp_path: Path) -> None:
    desk, before = finished.desk, finished.desk.digests()
    add, endpoint, push, pull, pull_bundle = guide("Share", 1)
    keys = [re.sub(r"SECRET$", SECRET, re.sub(r"KEY$", KEY, line)) for line in guide("Share", 2)]
    (models_alone,) = guide("Callers' words")
    desk.run(add, endpoint.replace("https://storage.example.com", s3), *keys, models_alone)
    assert sent(desk, s3, "outputs/bundle")
    assert not sent(desk, s3, "data/raw")
    desk.run(push)
    assert sent(desk, s3, "data/raw")
    desk.forget()
    desk.run(pull)
    assert desk.digests() == before

    kept = (desk.folder / ".dvc" / "config").read_text(encoding="utf-8")
    assert s3 in kept
    assert KEY not in kept
    assert SECRET not in kept
    assert desk.run("git status --porcelain --untracked-files=no").split() == ["M", ".dvc/config"]
    colleague = Desk(tmp_path / "colleague", desk.python)
    desk.run("git commit --quiet --all --message store", f"git clone --quiet . {colleague.folder}")
    colleague.run(*keys, pull_bundle)
    bundle = {name: digest for name, digest in before.items() if name.startswith("outputs/bundle/")}
    assert colleague.digests() == bundle
    detector = TurnDetector.load(colleague.folder / "outputs" / "bundle")
    assert 0 < detector.predict("мне нужен билет на", "Чем могу помочь?").eot_probability < 1


def test_the_repository_keeps_no_analytics_and_no_store() -> None:
    lines = (ROOT / ".dvc" / "config").read_text(encoding="utf-8").split()
    assert " ".join(lines) == "[core] analytics = false check_update = false"


def sent(desk: Desk, s3: str, output: str) -> bool:
    """Whether the store holds an output's list of files."""
    lock = (desk.folder / "dvc.lock").read_text(encoding="utf-8")
    (digest, *_) = re.findall(rf"path: {output}\n\s+hash: md5\n\s+md5: (\w+)\.dir", lock)
    with urllib.request.urlopen(f"{s3}/my-bucket?list-type=2", timeout=10) as answer:
        return f"/{digest[:2]}/{digest[2:]}.dir" in answer.read().decode()


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[str]:
    """A server that speaks S3's protocol, with a bucket."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with (tmp_path / "s3.log").open("wb") as log:
        process = subprocess.Popen(
            [str(PYTHON), "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log
        )
    try:
        make_bucket(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def make_bucket(url: str, process: subprocess.Popen[bytes], *, patience_s: float = 60) -> None:
    started = time.monotonic()
    while process.poll() is None and time.monotonic() - started < patience_s:
        try:
            urllib.request.urlopen(urllib.request.Request(f"{url}/my-bucket", method="PUT"), timeout=10).close()
            return
        except urllib.error.URLError:
            time.sleep(0.1)
    raise RuntimeError("the server of S3's protocol did not start")
