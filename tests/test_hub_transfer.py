"""Bundles to the hub and back, against a stand-in server on this machine (see ``hub_stand_in``) over real sockets."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from turn_detection.bundle import MANIFEST, TOKENIZER

from .hub_process import Desk
from .hub_stand_in import SIGNATURE, TOKEN, HubStandIn, Repository, running, sha256

pytest.importorskip("huggingface_hub")
pytestmark = pytest.mark.slow

REPO, MODEL = "some-team/toy-turns", "model.onnx"
#: Longest that a load which cannot succeed may take on a busy machine, interpreter included; the library alone asks for minutes.
PATIENCE_S = 30.0


@pytest.fixture
def hub() -> Iterator[HubStandIn]:
    with running(HubStandIn()) as standing_in:
        yield standing_in


@pytest.fixture
def desk(hub: HubStandIn, tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk", hub.endpoint)


@pytest.fixture
def bundle(toy_bundle: Path) -> Path:
    """A toy bundle with all that an export may leave in it, and something that nobody shall have."""
    (toy_bundle / "plain").mkdir()
    shutil.copyfile(toy_bundle / MODEL, toy_bundle / "plain" / MODEL)
    (toy_bundle / "plain" / "notes.txt").write_text("not for others")
    (toy_bundle / "curve.json").write_text("{}")
    (toy_bundle / "callers.jsonl").write_text("not for others")
    (toy_bundle / "MODEL_CARD.md").write_text(
        "---\nlanguage: ru\n---\n\n# Мой\n\n```python\ndetector = TurnDetector.load()\n```\n", encoding="utf-8"
    )
    return toy_bundle


@pytest.fixture
def shared(hub: HubStandIn, bundle: Path) -> Path:
    """The bundle, which is at the hub already."""
    publish(hub, bundle)
    return bundle


def publish(hub: HubStandIn, folder: Path, branch: str = "main", *, private: bool = False) -> None:
    """Put a folder at the hub without the code under test."""
    repository = hub.repositories.setdefault(REPO, Repository(private))
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    names = {name: "README.md" if name == "MODEL_CARD.md" else name for name in files if "plain/notes" not in name}
    repository.commit(branch, {names[name]: files[name].read_bytes() for name in names}, "by hand")
    for content in repository.commits[repository.branches[branch]].values():
        hub.store[sha256(content)] = content


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The line that a failed command said."""
    assert done.returncode == 2, done.stdout + done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("error: ")
    assert "Traceback" not in line
    return line


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


# Push and pull


def test_what_is_pushed_is_what_another_desk_pulls(hub: HubStandIn, bundle: Path, desk: Desk, tmp_path: Path) -> None:
    done = desk.command("hub", "push", bundle, REPO, "--message", "Первая")
    assert done.returncode == 0, done.stderr
    assert f"-> {REPO}, commit {hub.repositories[REPO].branches['main'][:12]}" in done.stdout
    assert hub.repositories[REPO].messages == ["initial", "Первая"]
    assert not hub.repositories[REPO].private
    ours = {MANIFEST, TOKENIZER, MODEL, f"plain/{MODEL}", "curve.json", "README.md"}
    assert hub.tree(REPO).keys() == ours | {".gitattributes"}

    other = Desk(tmp_path / "other", hub.endpoint, token=None)
    done = other.command("hub", "pull", REPO, "--output", "mine")
    assert done.returncode == 0, done.stderr
    pulled, sent = contents(other.folder / "mine"), contents(bundle)
    assert pulled.keys() == (ours - {"README.md"}) | {"MODEL_CARD.md"}
    for name in pulled.keys() - {"MODEL_CARD.md"}:
        assert pulled[name] == sent[name], name
    assert other.load("mine").p == other.load(str(bundle)).p
    assert other.load(REPO).error == ""


def test_the_card_has_metadata_and_loads_this_repository(hub: HubStandIn, bundle: Path, desk: Desk) -> None:
    assert desk.command("hub", "push", bundle, REPO).returncode == 0
    _, metadata, text = hub.tree(REPO)["README.md"].decode().split("---\n", 2)
    assert yaml.safe_load(metadata) == {"language": "ru"}
    assert "# Мой" in text
    assert f'TurnDetector.load("{REPO}")' in text
    assert "TurnDetector.load()" in (bundle / "MODEL_CARD.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("card", [None, "# Без метаданных\n"])
def test_a_card_without_metadata_gets_them(hub: HubStandIn, bundle: Path, desk: Desk, card: str | None) -> None:
    (bundle / "MODEL_CARD.md").unlink()
    if card is not None:
        (bundle / "MODEL_CARD.md").write_text(card, encoding="utf-8")
    assert desk.command("hub", "push", bundle, REPO).returncode == 0
    _, metadata, text = hub.tree(REPO)["README.md"].decode().split("---\n", 2)
    assert yaml.safe_load(metadata)["library_name"] == "turn-detection"
    assert text.startswith(f"\n{card or '# toy'}")


def test_pushing_again_sends_and_commits_only_what_has_changed(hub: HubStandIn, bundle: Path, desk: Desk) -> None:
    assert desk.command("hub", "push", bundle, REPO).returncode == 0
    sent, commits = hub.uploads(), len(hub.repositories[REPO].commits)
    done = desk.command("hub", "push", bundle, REPO)
    assert done.returncode == 0, done.stderr
    assert (hub.uploads(), len(hub.repositories[REPO].commits)) == (sent, commits)
    (bundle / "curve.json").write_text('{"new": 1}')
    assert desk.command("hub", "push", bundle, REPO).returncode == 0
    assert (hub.uploads(), len(hub.repositories[REPO].commits)) == (sent, commits + 1)


def test_a_bundle_without_plain_graph_leaves_no_old_one_beside_it(hub: HubStandIn, bundle: Path, desk: Desk) -> None:
    assert desk.command("hub", "push", bundle, REPO).returncode == 0
    hub.tree(REPO)["LICENSE"] = b"MIT"
    shutil.rmtree(bundle / "plain")
    (bundle / "curve.json").unlink()
    commits = len(hub.repositories[REPO].commits)
    assert desk.command("hub", "push", bundle, REPO).returncode == 0
    assert hub.tree(REPO).keys() == {MANIFEST, TOKENIZER, MODEL, "README.md", "LICENSE", ".gitattributes"}
    assert len(hub.repositories[REPO].commits) == commits + 1


def test_a_branch_is_made_and_read_by_its_name(
    hub: HubStandIn, shared: Path, desk: Desk, bundle_writer: Callable[..., Path]
) -> None:
    other = bundle_writer(threshold=0.75)
    done = desk.command("hub", "push", other, REPO, "--branch", "strict")
    assert done.returncode == 0, done.stderr
    assert desk.load(f"{REPO}@strict").threshold == 0.75
    assert desk.load(REPO).threshold == 0.5
    commit = hub.repositories[REPO].branches["strict"]
    assert desk.load(f"{REPO}@{commit}").threshold == 0.75
    assert desk.command("hub", "pull", REPO, "--revision", "strict").returncode == 0


def test_a_private_repository_needs_the_token(hub: HubStandIn, bundle: Path, desk: Desk) -> None:
    assert desk.command("hub", "push", bundle, REPO, "--private").returncode == 0
    assert hub.repositories[REPO].private
    assert desk.load(REPO).error == ""
    stranger = Desk(desk.folder.with_name("stranger"), hub.endpoint, token=None)
    loaded = stranger.load(REPO)
    assert loaded.error == "BundleNotFoundError"
    assert "set HF_TOKEN if the model is private" in loaded.message


def test_what_shall_be_private_does_not_go_into_a_public_repository(hub: HubStandIn, shared: Path, desk: Desk) -> None:
    commits = len(hub.repositories[REPO].commits)
    assert "is there already and public" in one_line(desk.command("hub", "push", shared, REPO, "--private"))
    assert (hub.uploads(), len(hub.repositories[REPO].commits)) == (0, commits)


def test_a_damaged_bundle_is_not_pushed(hub: HubStandIn, bundle: Path, desk: Desk) -> None:
    damage(bundle / MODEL)
    assert "is not the file that manifest.json describes" in one_line(desk.command("hub", "push", bundle, REPO))
    assert hub.asked == []


def test_somebody_elses_folder_is_not_replaced(hub: HubStandIn, shared: Path, desk: Desk) -> None:
    (desk.folder / "mine").mkdir(parents=True)
    (desk.folder / "mine" / "letter.txt").write_text("dear")
    assert "is not empty" in one_line(desk.command("hub", "pull", REPO, "--output", "mine"))
    assert hub.asked == []
    assert contents(desk.folder / "mine") == {"letter.txt": b"dear"}


def test_a_damaged_plain_graph_is_never_pulled(hub: HubStandIn, shared: Path, desk: Desk) -> None:
    assert desk.command("hub", "pull", REPO).returncode == 0
    (link,) = desk.cache.rglob(f"plain/{MODEL}")
    damage(link.resolve())
    done = desk.command("hub", "pull", REPO, "--output", "mine")
    assert done.returncode == 0, done.stderr
    assert (desk.folder / "mine" / "plain" / MODEL).read_bytes() == (shared / "plain" / MODEL).read_bytes()


# Load


def test_a_model_is_fetched_once_and_then_read_without_the_hub(shared: Path, tmp_path: Path) -> None:
    standing_in = HubStandIn()
    with running(standing_in):
        publish(standing_in, shared)
        desk = Desk(tmp_path / "desk", standing_in.endpoint, token=None)
        first = desk.load(REPO)
        assert first.error == "", first.message
        assert standing_in.downloads() == [None]  # the plain graph stays where it is
        standing_in.asked.clear()
        assert desk.load(REPO).p == first.p
        assert standing_in.asked == []
    assert desk.load(REPO).p == first.p == desk.load(str(shared)).p
    assert dataclasses.replace(desk, offline=True).load(REPO).p == first.p


def test_a_newer_commit_is_taken_when_it_is_pulled(
    hub: HubStandIn, shared: Path, desk: Desk, bundle_writer: Callable[..., Path]
) -> None:
    assert desk.load(REPO).threshold == 0.5
    publish(hub, bundle_writer(threshold=0.75))
    assert desk.load(REPO).threshold == 0.5
    assert desk.command("hub", "pull", REPO).returncode == 0
    assert desk.load(REPO).threshold == 0.75


def test_a_local_folder_wins_over_a_name(hub: HubStandIn, shared: Path, desk: Desk) -> None:
    local = desk.folder / REPO
    shutil.copytree(shared, local)
    assert desk.load(REPO).error == ""
    (local / MANIFEST).unlink()
    assert "manifest.json is missing" in desk.load(REPO).message
    assert hub.asked == []


@pytest.mark.parametrize("token", [None, TOKEN])
def test_neither_folder_nor_model_is_said_in_one_line(hub: HubStandIn, desk: Desk, token: str | None) -> None:
    desk = dataclasses.replace(desk, token=token)
    loaded = desk.load("nobody/nothing")
    assert loaded.error == "BundleNotFoundError"
    for part in ("there is no folder nobody/nothing here", "the Hugging Face hub: it has no such model", "HF_TOKEN"):
        assert part in loaded.message
    assert "it has no such model" in one_line(desk.command("hub", "pull", "nobody/nothing"))


def test_a_revision_that_the_hub_does_not_know_is_named(shared: Path, desk: Desk) -> None:
    loaded = desk.load(f"{REPO}@v9")
    assert loaded.error == "BundleNotFoundError"
    assert "no revision 'v9'" in loaded.message


def test_a_repository_that_holds_no_bundle_is_not_downloaded(hub: HubStandIn, desk: Desk) -> None:
    hub.repositories[REPO] = Repository(False)
    hub.repositories[REPO].commit("main", {MODEL: b"0" * 1000, "config.json": b"{}"}, "something else")
    loaded = desk.load(REPO)
    assert loaded.error == "BundleNotFoundError"
    assert "is no bundle: it has no manifest.json" in loaded.message
    assert hub.downloads() == []
    assert desk.cached() == []


def test_a_bundle_that_does_not_fit_is_refused_and_not_fetched_again_and_again(
    hub: HubStandIn, shared: Path, desk: Desk
) -> None:
    values = json.loads((shared / MANIFEST).read_text(encoding="utf-8"))
    (shared / MANIFEST).write_text(json.dumps(values | {"text_version": 99}))
    publish(hub, shared)
    assert "made for text rules 99" in desk.load(REPO).message
    hub.asked.clear()
    loaded = desk.load(REPO)
    assert loaded.error == "BundleError"
    assert f"'turn-detection hub pull {REPO}' asks for a newer one" in loaded.message
    assert hub.asked == []


def test_a_manifest_that_does_not_describe_its_graph_is_refused(hub: HubStandIn, shared: Path, desk: Desk) -> None:
    damage(shared / MODEL)
    publish(hub, shared)
    loaded = desk.load(REPO)
    assert loaded.error == "BundleError"
    assert f"the model {REPO} of the Hugging Face hub: " in loaded.message
    assert "model.onnx is not the file that manifest.json describes" in loaded.message
    assert len(hub.downloads()) == 1


# Faults on the way


def test_an_interrupted_download_goes_on(hub: HubStandIn, shared: Path, desk: Desk) -> None:
    hub.break_after, hub.break_at = 1, 100
    loaded = desk.load(REPO)
    assert loaded.error == "", loaded.message
    assert len(hub.downloads()) == 2
    assert desk.copy_of(MODEL).read_bytes() == (shared / MODEL).read_bytes()


def test_a_download_that_always_breaks_off_is_given_up_and_the_next_one_is_whole(
    hub: HubStandIn, shared: Path, desk: Desk
) -> None:
    hub.break_after, hub.break_at = 1000, 100
    loaded = desk.load(REPO)
    assert loaded.error == "DataUnavailableError"
    assert "\n" not in loaded.message
    assert f"cannot fetch the model {REPO}" in loaded.message
    hub.break_after = 0
    assert desk.load(REPO).error == ""


def test_content_that_came_damaged_once_is_fetched_again(hub: HubStandIn, shared: Path, desk: Desk) -> None:
    hub.damage = 1
    assert desk.load(REPO).error == ""
    assert len(hub.downloads()) == 2


def test_content_that_comes_damaged_is_refused_and_does_not_stay(hub: HubStandIn, shared: Path, desk: Desk) -> None:
    hub.damage = 2
    loaded = desk.load(REPO)
    assert loaded.error == "BundleError"
    assert "came damaged from the Hugging Face hub, try again" in loaded.message
    assert MODEL not in {path.name for path in desk.cached()}
    assert desk.load(REPO).error == ""


@pytest.mark.parametrize("name", [MODEL, TOKENIZER, MANIFEST])
def test_a_copy_that_was_damaged_on_this_disk_is_replaced(hub: HubStandIn, shared: Path, desk: Desk, name: str) -> None:
    assert desk.load(REPO).error == ""
    desk.copy_of(name).write_bytes(b"{" + desk.copy_of(name).read_bytes()[:-20])
    hub.asked.clear()
    loaded = desk.load(REPO)
    assert loaded.error == "", loaded.message
    assert len(hub.downloads()) == (name == MODEL)
    assert desk.copy_of(name).read_bytes() == (shared / name).read_bytes()


def test_a_copy_that_lacks_its_content_is_replaced(hub: HubStandIn, shared: Path, desk: Desk) -> None:
    assert desk.load(REPO).error == ""
    desk.copy_of(MODEL).unlink()
    assert desk.load(REPO).error == ""


def test_a_damaged_copy_is_named_when_the_hub_cannot_be_asked(hub: HubStandIn, shared: Path, desk: Desk) -> None:
    assert desk.load(REPO).error == ""
    damage(desk.copy_of(MODEL))
    loaded = dataclasses.replace(desk, offline=True).load(REPO)
    assert loaded.error == "BundleError"
    assert f"the copy of {REPO} in " in loaded.message
    assert "is damaged (model.onnx) and was not replaced" in loaded.message
    assert "HF_HUB_OFFLINE" in loaded.message


def test_offline_without_a_copy_says_what_to_do(hub: HubStandIn, shared: Path, desk: Desk) -> None:
    loaded = dataclasses.replace(desk, offline=True).load(REPO)
    assert loaded.error == "DataUnavailableError"
    assert "HF_HUB_OFFLINE is set" in loaded.message
    assert hub.asked == []


def test_a_hub_that_cannot_be_reached_is_told_within_seconds(desk: Desk) -> None:
    with socket.socket() as taken:  # a port that nobody listens at
        taken.bind(("127.0.0.1", 0))
        nowhere = dataclasses.replace(desk, endpoint=f"http://127.0.0.1:{taken.getsockname()[1]}")
        begin = time.monotonic()
        loaded = nowhere.load(REPO)
    assert time.monotonic() - begin < PATIENCE_S
    assert loaded.error == "DataUnavailableError"
    assert f"there is no folder {REPO} here" in loaded.message
    assert "HF_ENDPOINT" in loaded.message


def test_a_hub_that_is_ill_is_named_with_its_status(hub: HubStandIn, shared: Path, desk: Desk) -> None:
    hub.status = 503
    assert "status 503" in desk.load(REPO).message
    assert "status 503" in one_line(desk.command("hub", "push", shared, REPO))


# The token


@pytest.mark.parametrize("arguments", [("push", "BUNDLE", REPO), ("pull", REPO)])
def test_a_wrong_token_is_one_line_without_the_token(shared: Path, desk: Desk, arguments: tuple[str, ...]) -> None:
    wrong = dataclasses.replace(desk, token="hf_wrongandsecret")
    given = [str(shared) if part == "BUNDLE" else part for part in arguments]
    done = wrong.command("hub", *given)
    assert "wants a valid token; set HF_TOKEN" in one_line(done)
    assert "wrongandsecret" not in wrong.command("-v", "hub", *given).stderr + done.stdout + done.stderr


@pytest.mark.parametrize("token", ["hf_ключ", "hf_two\twords"])
def test_a_token_that_fits_in_no_header_is_not_quoted(shared: Path, desk: Desk, token: str) -> None:
    loaded = dataclasses.replace(desk, token=token).load(REPO)
    assert loaded.error
    assert token.removeprefix("hf_")[:3] not in loaded.output


def test_pushing_without_a_token_is_one_line(bundle: Path, desk: Desk) -> None:
    done = dataclasses.replace(desk, token=None).command("hub", "push", bundle, REPO)
    assert "wants a valid token; set HF_TOKEN" in one_line(done)


def test_a_token_that_may_not_write_is_one_line(hub: HubStandIn, bundle: Path, desk: Desk) -> None:
    hub.read_only = True
    assert "the token in HF_TOKEN may not do that" in one_line(desk.command("hub", "push", bundle, REPO))


def test_neither_token_nor_signed_address_gets_into_the_log(bundle: Path, desk: Desk) -> None:
    pushed = desk.command("-v", "hub", "push", bundle, REPO)
    pulled = desk.command("-v", "hub", "pull", REPO)
    assert pushed.returncode == pulled.returncode == 0
    told = pushed.stdout + pushed.stderr + pulled.stdout + pulled.stderr
    assert TOKEN not in told
    assert SIGNATURE not in told
    left = [path for path in desk.folder.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert left == []


# Commands and the server


def test_infer_judges_with_a_model_of_the_hub(shared: Path, desk: Desk) -> None:
    desk.folder.mkdir()
    (desk.folder / "in.json").write_text('[{"message": "да", "context": "Вам удобно?"}]', encoding="utf-8")
    done = desk.command("infer", "in.json", REPO)
    assert done.returncode == 0, done.stderr
    (item,) = json.loads((desk.folder / "predictions.json").read_text(encoding="utf-8"))
    assert item["probas"]["speak"] == pytest.approx(desk.load(str(shared)).p, abs=1e-6)
    assert "no such checkpoint" in one_line(desk.command("infer", "in.json", "runs/last.ckpt"))


def test_the_server_answers_with_a_model_of_the_hub_and_shows_its_curve(
    hub: HubStandIn, shared: Path, desk: Desk
) -> None:
    pytest.importorskip("fastapi")
    script = (
        "from turn_detection.serve.curve import load_curve\n"
        "from turn_detection.serve.scoring import load_engine\n"
        "from turn_detection.serve.settings import ServeConfig\n"
        f"engine = load_engine(ServeConfig(bundle='{REPO}'))\n"
        f"print(engine.model.name, load_curve('{REPO}'))\n"
    )
    done = desk.python("-c", script)
    assert done.stdout.split()[0] == "toy", done.stderr
    assert "curve.json cannot be read (ValidationError)" in done.stderr  # the toy's curve is empty, but it was found
    assert len(hub.downloads()) == 1
    assert os.environ.get("HF_TOKEN") is None or TOKEN not in done.stderr
