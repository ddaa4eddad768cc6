"""``data check``: what is told about a folder of calls, and that no word of a caller is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from turn_detection.commands import app
from turn_detection.data.check import check_dialogues
from turn_detection.data.formats.notes import Notes, Problem
from turn_detection.data.formats.options import ReadingOptions
from turn_detection.data.verdict import verdict
from turn_detection.errors import ConfigurationError, DataFormatError, InputFileNotFoundError

CALLS = Path(__file__).resolve().parents[2] / "data" / "calls"
WORD = "сосиска"

Check = Callable[..., Result]


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Check:
    monkeypatch.setenv("COLUMNS", "160")

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(app, ["data", "check", *map(str, arguments)], obj=[])

    return run


def chat(*said: str) -> dict[str, Any]:
    roles = ("agent", "client")
    return {"messages": [{"role": roles[n % 2], "content": text} for n, text in enumerate(said)]}


def folder(path: Path, *calls: Any) -> Path:
    path.mkdir(exist_ok=True)
    lines = "".join(json.dumps(call, ensure_ascii=False) + "\n" for call in calls)
    (path / "calls.jsonl").write_text(lines, encoding="utf-8")
    return path


def counted(report: Any) -> dict[str, int]:
    return {name: found["count"] for name, found in report.problems.items()}


def test_the_sample_folder_is_counted(check: Check, tmp_path: Path) -> None:
    result = check(CALLS, "--agent-name", "SPEAKER_00", "--client-name", "SPEAKER_01", "--json", tmp_path / "r.json")
    assert result.exit_code == 0, result.output
    assert "verdict: usable, but little: 33 replies" in result.output
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    counts = report["counts"]
    assert (counts["files"], counts["dialogues"], counts["turns"]) == (10, 15, {"agent": 33, "client": 33})
    assert counts["turns_with_word_times"] == 13
    assert report["samples"]["measured_pauses"] == 11
    assert report["lengths"]["seconds_a_pause"]["max"] == 1.2
    assert set(report["problems"]) == {Problem.MERGED.value, Problem.ENCODING.value}


def test_every_fault_is_told_by_its_place_and_no_word_comes_out(check: Check, tmp_path: Path) -> None:
    calls = [
        chat("Да?", f"{WORD} мой телефон 8 903 123-45-67"),
        chat("Номер карты?", f"{WORD} 4111 1111 1111 1111", "Паспорт?", f"серия 4508 номер 123456 {WORD}"),
        {
            "messages": [
                {"role": WORD, "content": WORD},
                {"role": "agent", "content": "Да?"},
                {"role": "client", "content": " "},
            ]
        },
        {"turns": WORD},
        chat("Почта?", f"{WORD}@mail.ru", "Ещё?", "собака"),
        chat("Язык?", f"the quick brown fox {WORD}", "Да?", f"{WORD} привет".encode().decode("cp1251", "replace")),
        chat("Расскажите", f"{WORD} " * 70),
    ]
    data = folder(tmp_path / WORD.replace("с", "s"), *calls)
    (data / "notes.md").write_text(WORD, encoding="utf-8")
    (data / ".hidden").write_text(WORD, encoding="utf-8")
    (data / "bad.json").write_text(f'{{"{WORD}', encoding="utf-8")
    result = check(data, "--json", tmp_path / "r.json")
    assert result.exit_code == 0, result.output
    told = result.output + (tmp_path / "r.json").read_text(encoding="utf-8")
    assert WORD not in told.replace(data.name, "")
    report = check_dialogues([data])
    assert counted(report) == {
        Problem.MALFORMED: 2, Problem.EMPTY_TEXT: 1, Problem.UNKNOWN_ROLE: 1, Problem.MOJIBAKE: 1, Problem.NOT_RUSSIAN: 1,
        Problem.TOO_LONG: 1, Problem.ONE_SIDED: 1, Problem.IGNORED: 1,
    }  # fmt: skip
    assert {kind: found["count"] for kind, found in report.personal.items()} == {
        "phone number": 1, "e-mail": 1, "card number": 1, "passport": 1,
    }  # fmt: skip
    file = data / "calls.jsonl"
    assert report.personal["passport"]["places"] == [f"{file}:2: turn 4"]
    assert report.problems[Problem.UNKNOWN_ROLE]["places"] == [f"{file}:3: messages[0]"]
    assert report.problems[Problem.MALFORMED]["places"][1].startswith(f"{file}:4: 'turns' must be")
    assert any(sentence.startswith("remove personal data") for sentence in report.verdict)


def test_copies_and_shared_replies_are_found_and_the_bots_stock_lines_are_not(tmp_path: Path) -> None:
    greeting = "Здравствуйте, вы позвонили в клинику, чем могу помочь?"
    calls = [chat(greeting, f"ответ номер {n} такой") for n in range(60)]
    shared = [chat(f"Вопрос {n}?", "я хотел бы записаться на приём") for n in range(3)]
    report = check_dialogues([folder(tmp_path / "d", *calls, calls[0], *shared)])
    assert report.duplicates == {"copies": 1, "sharing_a_reply": 2, "largest_group": 3}
    assert report.samples["validation"]["speak"] > 0
    assert report.samples["train"]["speak"] + report.samples["validation"]["speak"] == 63


@pytest.mark.parametrize(
    ("calls", "options", "word"),
    [
        ([{"messages": [{"role": "agent", "content": WORD}]}], {}, "no answer of a caller in 1 dialogues"),
        ([{"messages": [{"role": "x", "content": WORD}]}], {}, "no dialogue in 1 files; first:"),
        ([chat("Да?", "the quick brown fox", "Да?", "jumps over the dog")], {}, "not Russian"),
        ([chat("Да?".encode().decode("cp1251"), f"{WORD} да".encode().decode("cp1251"))], {}, "wrong encoding"),
        ([chat("Да?", WORD)], {"--encoding": "cp1251"}, "wrong encoding"),
    ],
)
def test_what_is_of_no_use_is_one_error_and_writes_nothing(
    check: Check, tmp_path: Path, calls: list[Any], options: dict[str, str], word: str
) -> None:
    data = folder(tmp_path / "d", *calls)
    result = check(data, "--json", tmp_path / "r.json", *(part for option in options.items() for part in option))
    assert isinstance(result.exception, DataFormatError), result.output
    assert word in str(result.exception)
    assert "\n" not in str(result.exception)
    assert WORD not in str(result.exception)
    assert not (tmp_path / "r.json").exists()


def test_a_terminal_gets_exit_codes_and_one_line(tmp_path: Path) -> None:
    def run(path: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "turn_detection.commands", "data", "check", str(path)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)

    good = run(CALLS)
    assert (good.returncode, good.stderr) == (0, "")
    bad = run(folder(tmp_path / "d", {"turns": WORD}))
    assert bad.returncode == 2
    assert len(bad.stderr.strip().splitlines()) == 1
    assert "calls.jsonl:1: 'turns' must be" in bad.stderr
    assert WORD not in bad.stderr + bad.stdout


def test_bad_arguments_are_refused_before_reading(check: Check, tmp_path: Path) -> None:
    assert isinstance(check(tmp_path / "none").exception, InputFileNotFoundError)
    assert isinstance(check(CALLS, "--json", tmp_path / "none" / "r.json").exception, InputFileNotFoundError)
    twice = check(CALLS, "--agent-name", "Анна", "--client-name", "Анна")
    assert isinstance(twice.exception, ConfigurationError)
    settings = CliRunner().invoke(app, ["data", "check", str(CALLS)], obj=["data.paths=x"])
    assert isinstance(settings.exception, ConfigurationError)


def test_named_columns_are_read(check: Check, tmp_path: Path) -> None:
    (tmp_path / "a.dat").write_text("ключ;Спросили;Сказали\n1;Да?;нет, спасибо\n", encoding="cp1251")
    named = check(
        tmp_path / "a.dat", "--format", "csv", "--agent-column", "спросили", "--client-column", "Сказали",
        "--dialogue-column", "ключ",
    )  # fmt: skip
    assert named.exit_code == 0, named.output
    assert "agent 1, client 1" in named.output


def test_a_file_of_many_calls_without_a_name_for_each_is_noticed(tmp_path: Path) -> None:
    rows = "".join(f"{role};слово {n}\n" for n in range(250) for role in ("agent", "client"))
    (tmp_path / "a.csv").write_text(f"role;text\n{rows}", encoding="utf-8")
    report = check_dialogues([tmp_path / "a.csv"])
    assert counted(report)[Problem.LONG_DIALOGUE] == 1
    assert any("--dialogue-column" in sentence for sentence in report.verdict)


@pytest.mark.parametrize(("n", "word"), [(10, "little"), (500, "enough to measure"), (5000, "train with --data=local")])
def test_the_verdict_begins_with_what_the_calls_are_good_for(n: int, word: str) -> None:
    samples = {"train": {"speak": n - 1, "wait": 0}, "validation": {"speak": 1, "wait": 0}}
    (only,) = verdict(Notes(), samples, n_turns=n, n_personal=0)
    assert word in only


def test_reading_options_reach_the_check(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Зоя: Алло?\nИван: Да\nЗоя: Где?\nИван: Тут\n", encoding="utf-8")
    unnamed = check_dialogues([tmp_path / "a.txt"])
    assert unnamed.verdict[1].startswith("name the speakers")
    named = check_dialogues([tmp_path / "a.txt"], ReadingOptions(agent_names=("Зоя",), client_names=("Иван",)))
    assert named.counts["turns"] == {"agent": 2, "client": 2}
