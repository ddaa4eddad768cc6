"""How bots ask for a thing: one request in many manners, so that no manner carries a verdict."""

from __future__ import annotations

#: ``@`` is the thing in the accusative, ``^`` the same with a capital letter.
MANNERS = (
    "Назовите @.", "Назовите, пожалуйста, @.", "Продиктуйте @.", "Продиктуйте, пожалуйста, @.", "Подскажите @.",
    "Скажите @.", "Скажите, пожалуйста, @.", "Можете назвать @?", "Будьте добры, назовите @.", "Диктуйте @.",
    "Мне нужно узнать @.", "Осталось уточнить @.", "Уточните, пожалуйста, @.", "Повторите @, пожалуйста.",
    "Сообщите @.", "Теперь @, пожалуйста.", "Могу я узнать @?", "^, пожалуйста.", "Чтобы продолжить, назовите @.",
    "Для проверки назовите @.", "Напомните, пожалуйста, @.", "Хорошо, диктуйте @.", "^?", "Давайте запишем @.",
    "Не расслышала, назовите @ ещё раз.", "Говорите @, я записываю.", "Вижу вашу заявку, уточните @.",
    "Тогда мне понадобится записать @.", "Укажите @.", "Попрошу вас назвать @.", "Слушаю, назовите @.",
    "И ещё назовите @.", "Продиктуйте мне @, не торопитесь.", "Чтобы я вас нашла, назовите @.",
)  # fmt: skip


def asked(*things: str) -> tuple[str, ...]:
    """Bot lines that ask for each thing in every manner; the order mixes things, so groups of lines do too."""
    lines = []
    for shift in range(len(MANNERS)):
        for index, thing in enumerate(things):
            manner = MANNERS[(shift + 7 * index) % len(MANNERS)]
            lines.append(manner.replace("@", thing).replace("^", thing[:1].upper() + thing[1:]))
    return tuple(dict.fromkeys(lines))
