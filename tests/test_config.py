"""Configuration: everything in configs/ composes, and what does not fit is refused by name."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from turn_detection.config import Config, DataConfig, InferConfig, config_dir, load_config
from turn_detection.errors import ConfigurationError
from turn_detection.schema import build

ROOT = Path(__file__).resolve().parents[1]
#: The server reads its group without Hydra, see serve/settings.py and its tests.
CHOICES = sorted(
    (file.parent.name, file.stem)
    for file in (ROOT / "configs").glob("*/*.yaml")
    if file.parent.name not in ("experiment", "serve")
)
EXPERIMENTS = sorted(file.stem for file in (ROOT / "configs" / "experiment").glob("*.yaml"))


def test_a_checkout_uses_its_own_configuration() -> None:
    assert config_dir() == ROOT / "configs"


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_every_choice_of_every_group_composes(group: str, choice: str) -> None:
    config = load_config([f"{group}={choice}"])
    assert isinstance(config, Config)
    assert getattr(getattr(config, group), "name", choice) == choice


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_composes_and_can_be_overridden(experiment: str) -> None:
    config = load_config([f"experiment={experiment}", "data=local", "train.max_epochs=9"])
    assert config.model.name == experiment
    assert (config.data.name, config.train.max_epochs) == ("local", 9)


def test_the_groups_are_the_ones_that_the_configuration_knows() -> None:
    groups = {group for group, _ in CHOICES}
    assert groups == {entry.name for entry in dataclasses.fields(Config)} - {"seed", "run_name"}
    assert EXPERIMENTS  # and there are experiments


def test_the_default_is_what_everybody_can_train_on() -> None:
    config = load_config()
    assert (config.data.kind, config.data.repo_id) == ("hub", "inkoziev/Conversations")
    assert config.data.filename == "conversations.jsonl.gz"
    assert config.run_name == ""


def test_the_tiny_experiment_needs_no_download() -> None:
    config = load_config(["experiment=tiny"])
    assert (config.data.kind, config.model.encoder, config.data.validation_share) == ("local", None, 0.25)
    assert all((ROOT / path).is_file() for path in config.data.paths)


def test_a_configuration_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        load_config().seed = 1  # type: ignore[misc]


def test_settings_arrive_where_they_belong() -> None:
    config = load_config(
        [
            "model=tiny",
            "seed=7",
            "run_name=trial-1",
            "train.max_minutes=5",
            "train.learning_rate=1e-4",
            "train.n_threads=2",  # known to the dataclass, not spelled out in the file
            "train.devices=auto",
            "train.progress=false",
            "data.paths=[a.jsonl,folder/b]",
            "data.source_shares.plays=0.5",
            "model.encoder=null",
            "model.random.hidden_size=32",
        ]
    )
    assert (config.seed, config.run_name) == (7, "trial-1")
    assert (config.train.max_minutes, config.train.learning_rate, config.train.n_threads) == (5.0, 1e-4, 2)
    assert isinstance(config.train.max_minutes, float)
    assert (config.train.devices, config.train.progress) == ("auto", False)
    assert config.data.paths == ("a.jsonl", "folder/b")
    assert config.data.source_shares == {"plays": 0.5}
    assert (config.model.encoder, config.model.random["hidden_size"]) == (None, 32)


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        ("data/own.jsonl", ("data/own.jsonl",)),
        ("[данные/чаты.jsonl]", ("данные/чаты.jsonl",)),
        ("данные/чаты.jsonl", ("данные/чаты.jsonl",)),
        ("[/tmp/my calls/a (1).jsonl, ./б.json]", ("/tmp/my calls/a (1).jsonl", "./б.json")),
        ("['already, quoted.jsonl',b.jsonl]", ("already, quoted.jsonl", "b.jsonl")),
        ("it's.jsonl", ("it's.jsonl",)),
        ("[]", ()),
    ],
)
def test_paths_may_be_written_as_people_name_their_files(value: str, paths: tuple[str, ...]) -> None:
    assert load_config(["data=local", f"data.paths={value}"]).data.paths == paths


def test_a_run_may_have_a_russian_name() -> None:
    assert load_config(["run_name=проба №1 (a=b)"]).run_name == "проба №1 (a=b)"


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("data.nope=1", "'data.nope'"),
        ("model.randm.hidden_size=1", "'model.randm'"),
        ("nogroup.key=1", "'nogroup'"),
        ("nokey=1", "nokey"),
        ("model=nope", "model/nope"),
        ("experiment=nope", "experiment/nope"),
        ("train.batch_size=many", "train.batch_size must be of type int"),
        ("train.batch_size=1.5", "train.batch_size must be of type int"),
        ("train.max_epochs=true", "train.max_epochs must be of type int"),
        ("train.learning_rate=fast", "train.learning_rate must be a number"),
        ("train.progress=1", "train.progress must be of type bool"),
        ("train.devices=[1,2]", "train.devices must be int or str"),
        ("train.cuts=some", "train.cuts must be one of every_word, random"),
        ("train.batch_size=null", "train.batch_size must be of type int"),
        ("data.kind=ftp", "data.kind must be one of hub, local"),
        ("data.paths=5", "data.paths must be a list"),
        ("data.paths=[a,5]", "data.paths[1] must be of type str"),
        ("data.source_shares=0.5", "data.source_shares must be a mapping"),
        ("data.source_shares.plays=half", "data.source_shares.plays must be a number"),
        ("model=null", "must be a string or a list"),
        ("train.max_epochs", "train.max_epochs"),
        ("train.max_minutes=${nowhere}", "nowhere"),
        ("=3", ""),
        ("", ""),
    ],
)
def test_what_does_not_fit_is_refused_by_name_on_one_line(override: str, named: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_config([override])
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_key_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="known here: batch_size, n_threads"):
        load_config(["infer.batchsize=1"])


@pytest.mark.parametrize(("override", "folder"), [("model=nope", "model"), ("experiment=nope", "experiment")])
def test_an_unknown_choice_is_answered_with_the_choices_there_are(override: str, folder: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_config([override])
    for file in (ROOT / "configs" / folder).glob("*.yaml"):
        assert file.stem in str(caught.value)


def test_a_missing_key_is_named_by_its_full_path() -> None:
    with pytest.raises(ConfigurationError, match=r"'model\.name' is missing"):
        build(Config, {"data": {}, "model": {}, "train": {}, "infer": {}, "export": {}}, "")
    with pytest.raises(ConfigurationError, match="'data' is missing"):
        build(Config, {}, "")


@pytest.mark.parametrize("values", [None, 5, "text", ["batch_size"]])
def test_a_group_that_is_no_mapping_is_refused(values: object) -> None:
    with pytest.raises(ConfigurationError, match="infer must be a mapping"):
        build(InferConfig, values, "infer")


def test_defaults_in_code_stand_where_a_file_is_silent() -> None:
    assert build(DataConfig, {}, "data") == DataConfig()
    assert build(InferConfig, {"n_threads": 3}, "infer") == InferConfig(n_threads=3)


def test_composing_depends_on_no_working_folder_and_leaves_nothing_there(tmp_path: Path) -> None:
    expected = load_config(["model=tiny"])
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        assert load_config(["model=tiny"]) == expected
    finally:
        os.chdir(before)
    assert list(tmp_path.iterdir()) == []
