"""Made training samples in any number, as ``data prepare --format parquet`` lays them out; for measuring, not for training.

Every two samples are a reply and a random prefix of it. Words are drawn from a small vocabulary, so that texts are as long as those of
calls (a reply has 2 to 14 words, a bot's line 4 to 14) and hardly one comes twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.compute as columns
from pyarrow import parquet

from turn_detection.data.prepared import parquet_schema

#: Samples of a file; 16 row groups of the size that ``data prepare`` writes.
SHARD, GROUP = 131_072, 8192
#: Pieces that texts are joined of, two for each.
N_PIECES = 200_000
TURNS_OF_A_DIALOGUE = 8
WORDS = """
я мне нас вам его она они мы вы это тот такой какой где когда сколько почему что чтобы если потому тоже ещё уже только сейчас завтра
сегодня вчера утром вечером днём ночью неделю месяц час минуту понедельник пятницу субботу рублей тысяч двадцать тридцать пять восемь
первый второй третий номер заказ доставка адрес улица дом квартира подъезд этаж домофон курьер оператор менеджер договор счёт карта
банк платёж перевод возврат деньги скидка товар размер цвет магазин склад посылка билет поезд самолёт рейс вокзал аэропорт москва
казань самара тверь гостиница номер бронь врач запись приём анализ аптека рецепт страховка полис машина ремонт сервис гарантия интернет
телефон тариф связь роутер пароль почта письмо документ паспорт справка хотел хочу нужно можно надо буду было есть работает пришло узнать
заказать отменить перенести проверить оплатить получить отправить позвонить подождать сказать найти записаться подключить поменять на в по
до от за из для без при через после перед около или и но а да нет пожалуйста спасибо хорошо ладно понятно конечно наверное
""".split()


def write_made(folder: Path, n: int, *, part: str = "train", seed: int = 0) -> None:
    """Write ``n`` samples (rounded up to an even number) to ``folder`` as ``part-00000.parquet`` and so on."""
    chance = np.random.default_rng(seed)
    pieces = {longest: _pieces(chance, longest) for longest in (5, 7)}
    schema = parquet_schema()
    n_replies = -(-n // 2)
    for shard, start in enumerate(range(0, n_replies, SHARD // 2)):
        table = _table(chance, pieces, np.arange(start, min(start + SHARD // 2, n_replies)), schema)
        path = folder / f"{part}-{shard:05d}.parquet"
        parquet.write_table(
            table, path, row_group_size=GROUP, use_dictionary=["source", "label", "cut", "split", "file"]
        )


def sample_number(sample_id: str) -> int:
    """The number of a sample in the order of the files, from 0."""
    dialogue, turn, end = sample_id.removeprefix("made").split(":")
    return 2 * (TURNS_OF_A_DIALOGUE * int(dialogue) + int(turn) // 2) + (end != "end")


def _pieces(chance: np.random.Generator, longest: int) -> pyarrow.Array:
    """Runs of 1 to ``longest`` words."""
    words = np.asarray(WORDS, dtype=object)[chance.integers(0, len(WORDS), (N_PIECES, longest))]
    lengths = chance.integers(1, longest + 1, N_PIECES)
    return pyarrow.array([" ".join(row[:length]) for row, length in zip(words.tolist(), lengths.tolist(), strict=True)])


def _table(
    chance: np.random.Generator, pieces: dict[int, pyarrow.Array], numbers: np.ndarray, schema: pyarrow.Schema
) -> pyarrow.Table:
    n = len(numbers)

    def drawn(longest: int, size: int) -> pyarrow.Array:
        return pieces[longest].take(pyarrow.array(chance.integers(0, N_PIECES, size)))

    def joined(longest: int, size: int) -> pyarrow.Array:
        return columns.binary_join_element_wise(drawn(longest, size), drawn(longest, size), " ")

    prefix = drawn(7, n)
    whole = columns.binary_join_element_wise(prefix, drawn(7, n), " ")
    dialogue = columns.binary_join_element_wise("made", _strings(numbers // TURNS_OF_A_DIALOGUE), "")
    turn = 2 * (numbers % TURNS_OF_A_DIALOGUE) + 1
    identity = columns.binary_join_element_wise(dialogue, _strings(turn), ":")
    both = np.repeat(np.arange(n), 2)  # a reply's two samples stand beside each other
    ends, prefixes = (columns.binary_join_element_wise(identity, end, ":") for end in ("end", "1"))
    values: dict[str, Any] = {
        "id": _alternating(ends, prefixes),
        "source": _same("made", 2 * n),
        "context": _messages(["agent"], [joined(7, n)]).take(both),
        "message": _alternating(whole, prefix),
        "label": _alternating(_same("speak", n), _same("wait", n)),
        "pause_s": pyarrow.nulls(2 * n, pyarrow.float64()),
        "split": _same("train", 2 * n),
        "file": _same("", 2 * n),
        "dialogue": dialogue.take(both),
        "turn": pyarrow.array(turn[both], pyarrow.int32()),
        "cut": _alternating(_same("whole", n), _same("random", n)),
        "identity": identity.take(both),
        "history": _messages(["client", "agent", "client"], [drawn(5, n), joined(5, n), drawn(5, n)]).take(both),
    }
    return pyarrow.table([values[name] for name in schema.names], schema=schema)


def _strings(numbers: np.ndarray) -> pyarrow.Array:
    return pyarrow.array(numbers).cast(pyarrow.string())


def _same(value: str, n: int) -> pyarrow.Array:
    return pyarrow.array([value]).take(pyarrow.array(np.zeros(n, np.int64)))


def _alternating(first: pyarrow.Array, second: pyarrow.Array) -> pyarrow.Array:
    n = len(first)
    return pyarrow.concat_arrays([first, second]).take(pyarrow.array(np.arange(2 * n).reshape(2, n).T.ravel()))


def _messages(roles: Sequence[str], texts: Sequence[pyarrow.Array]) -> pyarrow.Array:
    """A list of as many messages in every row; ``texts`` hold one column each."""
    n, width = len(texts[0]), len(roles)
    order = pyarrow.array(np.arange(n * width).reshape(width, n).T.ravel())
    content = pyarrow.concat_arrays(texts).take(order)
    role = pyarrow.concat_arrays([_same(role, n) for role in roles]).take(order)
    messages = pyarrow.StructArray.from_arrays([role, content], ["role", "content"])
    return pyarrow.ListArray.from_arrays(pyarrow.array(np.arange(0, n * width + 1, width), pyarrow.int32()), messages)
