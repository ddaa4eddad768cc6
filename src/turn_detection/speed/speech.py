"""Russian speech of an exact length in tokens, a new text for every call, so that nothing can be remembered from the call before."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from itertools import cycle, islice

from ..encoding import Encoder
from ..errors import InvalidInputError

#: What a bot says, as a recogniser would print it.
_BOT = """
здравствуйте меня зовут анна я помощник клиники чем могу помочь
назовите пожалуйста номер телефона на который оформлена запись
подскажите на какой день и к какому врачу вас записать
уточните пожалуйста адрес доставки и удобное для вас время
вижу ваш заказ он уже передан курьеру и приедет сегодня до вечера
к сожалению на эту дату мест нет могу предложить следующую неделю
правильно ли я понимаю что вы хотите перенести запись на утро
расскажите пожалуйста подробнее что именно случилось с интернетом
продиктуйте последние цифры договора они указаны в правом верхнем углу
спасибо за ожидание оператор освободится через несколько минут
хотите получить подтверждение сообщением или письмом на почту
скажите пожалуйста есть ли у вас ещё вопросы по вашему заказу
""".split("\n")
#: What callers say.
_CALLER = """
здравствуйте я хотел бы записаться к терапевту на завтра утром если можно
добрый день мне нужно перенести доставку потому что меня не будет дома
я вчера оплатил заказ а деньги списали дважды и никто не отвечает
подскажите пожалуйста до которого часа вы работаете в субботу
у меня пропал интернет ещё с вечера и роутер мигает красным
да меня всё устраивает только давайте сделаем это после обеда
нет спасибо я лучше подожду пока освободится живой человек
мне нужен билет до казани туда и обратно желательно на верхнюю полку
я забыл пароль от личного кабинета и письмо почему то не приходит
хочу узнать готовы ли анализы которые мы сдавали на прошлой неделе
ну как бы мне сказали что мастер придёт утром но его до сих пор нет
можно пожалуйста оформить возврат потому что куртка оказалась мала
а если я приеду без направления меня всё равно примут или надо звонить
да но завтра у меня не получится потому что я уезжаю в командировку
запишите адрес это улица садовая дом рядом с аптекой второй подъезд
мы заказывали пиццу с грибами а привезли почему то с ветчиной
я живу за городом и курьер никак не может найти наш посёлок
скажите а справку для бассейна можно получить в тот же день
ребёнок кашляет уже неделю и к вечеру поднимается температура
хорошо тогда давайте оставим всё как есть и я перезвоню попозже
одну секунду сейчас найду договор он где то здесь на столе лежал
мне бы поменять тариф потому что этот стал слишком дорогим
да всё верно только фамилия у меня пишется с мягким знаком в конце
я уже третий раз звоню и каждый раз меня переключают на другого
""".split("\n")
_MAX_TRIES = 200


class Speech:
    """Draws items of exactly so many tokens.

    The caller's words are cut from a long monologue at a place that chance chooses; the last ones are exchanged for others until the
    length fits. From 16 tokens on, about a third of them is the bot's line.

    Args:
        encoder: of the detector that will be asked.
        seed: of the draw; the same seed gives the same texts.
    """

    def __init__(self, encoder: Encoder, seed: int = 0) -> None:
        self._encoder = encoder
        self._chance = random.Random(seed)
        self._seen: set[tuple[str | None, str]] = set()
        self._bot = [word for line in _BOT for word in line.split()]
        self._caller = [word for line in _CALLER for word in line.split()]
        self._count = {word: len(encoder.encode(None, word)) - 2 for word in {*self._bot, *self._caller}}
        self._by_count: dict[int, list[str]] = defaultdict(list)
        for word, count in sorted(self._count.items()):
            self._by_count[count].append(word)

    @property
    def max_tokens(self) -> int:
        """Tokens of the longest item that the encoder makes."""
        spec = self._encoder.spec
        return 1 + (spec.max_context_tokens if spec.history_turns else 1) + spec.max_message_tokens

    def draw(self, n_tokens: int) -> tuple[str | None, str]:
        """``(context, message)`` whose encoded form has exactly ``n_tokens`` tokens; no two are alike while there are others.

        Raises:
            InvalidInputError: the encoder cannot make an item of this length.
        """
        n_context, n_message = self._shares(n_tokens)
        item: tuple[str | None, str] | None = None
        for _ in range(_MAX_TRIES):
            line = self._words(self._bot, n_context - 1)
            message = self._words(self._caller, n_message)
            if not message or (n_context > 1 and not line):
                continue
            drawn = (line or None, message)
            if len(self._encoder.encode(*drawn)) != n_tokens:
                continue
            item = drawn
            if item not in self._seen:
                break
        if item is None:
            raise InvalidInputError(f"no text of {n_tokens} tokens can be made for this tokenizer")
        self._seen.add(item)
        return item

    def _shares(self, n_tokens: int) -> tuple[int, int]:
        """Tokens of the context, its separator included, and of the message."""
        spec = self._encoder.spec
        if not 3 <= n_tokens <= self.max_tokens:
            raise InvalidInputError(f"items have 3 to {self.max_tokens} tokens, not {n_tokens}")
        wanted = n_tokens // 3 if n_tokens >= 16 and spec.history_turns else 1
        n_context = max(min(wanted, spec.max_context_tokens), n_tokens - 1 - spec.max_message_tokens)
        return n_context, n_tokens - 1 - n_context

    def _words(self, source: Sequence[str], n_tokens: int) -> str:
        """Words of together ``n_tokens`` by their own counts; "" where none fit."""
        start = self._chance.randrange(len(source))
        words: list[str] = []
        left = n_tokens
        for word in islice(cycle(source), start, start + n_tokens):
            if self._count[word] > left:
                break
            words.append(word)
            left -= self._count[word]
        while left > 0:
            fitting = self._by_count.get(left) or [word for word, count in self._count.items() if count < left]
            if not fitting:
                return ""
            words.append(self._chance.choice(fitting))
            left -= self._count[words[-1]]
        return " ".join(words)
