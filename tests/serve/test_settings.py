"""Settings: the file, over it the environment, over it the command line; a wrong one is named."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from turn_detection.config import config_dir
from turn_detection.endpointing import EndpointingPolicy
from turn_detection.errors import ConfigurationError, InputFileNotFoundError
from turn_detection.policy_file import save_policy
from turn_detection.serve.settings import ServeConfig, load_settings


def test_the_file_says_what_the_class_says() -> None:
    assert load_settings((), {}) == ServeConfig()
    written = yaml.safe_load((config_dir() / "serve" / "default.yaml").read_text(encoding="utf-8"))
    assert list(written) == [entry.name for entry in fields(ServeConfig)]


def test_the_command_line_wins_over_the_environment_over_the_file() -> None:
    environ = {"TURN_DETECTION_SERVE_PORT": "8000", "TURN_DETECTION_SERVE_MAX_WAIT_MS": "1.5", "PATH": "/bin"}
    config = load_settings(["serve.port=8001"], environ)
    assert (config.port, config.max_wait_ms, config.host) == (8001, 1.5, "127.0.0.1")


def test_a_token_of_digits_stays_a_text_and_the_later_source_replaces_the_earlier(tmp_path: Path) -> None:
    assert load_settings((), {"TURN_DETECTION_SERVE_TOKEN": "123"}).token == "123"
    (tmp_path / "token").write_text("из файла\n", encoding="utf-8")
    config = load_settings([f"serve.token_file={tmp_path / 'token'}"], {"TURN_DETECTION_SERVE_TOKEN": "123"})
    assert config.token == "из файла"
    assert "из файла" not in repr(config)


def test_null_and_nothing_mean_none() -> None:
    environ = {"TURN_DETECTION_SERVE_TOKEN": "", "TURN_DETECTION_SERVE_BUNDLE": "null"}
    config = load_settings(["serve.threshold=null"], environ)
    assert (config.token, config.bundle, config.threshold) == (None, None, None)


@pytest.mark.parametrize(
    ("overrides", "environ", "named"),
    [
        (["serve.prot=1"], {}, "serve.prot"),
        (["train.port=1"], {}, "train.port"),
        (["serve.port=many"], {}, "serve.port"),
        (["serve.port=70000"], {}, "serve.port"),
        (["serve.port=[1"], {}, "serve.port"),
        (["serve.workers=0"], {}, "serve.workers"),
        (["serve.backend=torch"], {}, "serve.backend"),
        (["serve.log_level=debug"], {}, "serve.log_level"),
        (["serve.threshold=2"], {}, "serve.threshold"),
        (["serve.min_delay_s=3"], {}, "min_delay_s"),
        (["serve.root_path=turns/"], {}, "serve.root_path"),
        (["serve.max_batch_items=1000"], {}, "serve.max_batch_items"),
        (["serve.token= "], {}, "serve.token"),
        (["serve.token_file=/nowhere/at/all"], {}, "serve.token_file"),
        ([], {"TURN_DETECTION_SERVE_PROT": "1"}, "TURN_DETECTION_SERVE_PROT"),
    ],
)
def test_a_wrong_setting_is_named(overrides: list[str], environ: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named) as caught:
        load_settings(overrides, environ)
    assert len(str(caught.value).splitlines()) == 1


def test_an_empty_token_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    with pytest.raises(ConfigurationError, match="is empty"):
        load_settings([f"serve.token_file={tmp_path / 'token'}"], {})


def test_a_core_is_left_to_the_event_loop() -> None:
    assert 1 <= ServeConfig().n_parallel <= 4
    assert ServeConfig(parallel_calls=7).n_parallel == 7


def test_a_policy_file_takes_the_place_of_the_delays(tmp_path: Path) -> None:
    tuned = EndpointingPolicy(min_delay_s=0.2, max_delay_s=1.7, threshold=0.4, gamma=0.3)
    save_policy(tmp_path / "policy.json", tuned)

    assert load_settings([f"serve.policy_file={tmp_path / 'policy.json'}"], {}).policy == tuned


def test_a_missing_policy_file_stops_the_start_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(InputFileNotFoundError, match="turn-detection tune"):
        load_settings([f"serve.policy_file={tmp_path / 'none.json'}"], {})
