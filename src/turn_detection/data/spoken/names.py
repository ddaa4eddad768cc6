"""People's names as callers have them today. Faker is slow, so its names are drawn once and kept."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import lru_cache

from ...errors import MissingExtraError

# Names that callers really have today; faker's own list leans to the nineteenth century, so it is only a third of the
# draw.
MALE = [
    "Александр",
    "Сергей",
    "Андрей",
    "Дмитрий",
    "Алексей",
    "Максим",
    "Евгений",
    "Иван",
    "Михаил",
    "Николай",
    "Владимир",
    "Павел",
    "Роман",
    "Артём",
    "Денис",
    "Антон",
    "Илья",
    "Кирилл",
    "Никита",
    "Олег",
    "Игорь",
    "Виктор",
    "Юрий",
    "Константин",
    "Вадим",
    "Руслан",
    "Тимур",
    "Глеб",
    "Егор",
    "Станислав",
    "Ринат",
    "Марат",
    "Арсен",
    "Георгий",
    "Пётр",
]
FEMALE = [
    "Анна",
    "Мария",
    "Елена",
    "Ольга",
    "Наталья",
    "Екатерина",
    "Татьяна",
    "Ирина",
    "Светлана",
    "Юлия",
    "Анастасия",
    "Дарья",
    "Ксения",
    "Марина",
    "Виктория",
    "Полина",
    "Людмила",
    "Галина",
    "Валентина",
    "Надежда",
    "Любовь",
    "Вера",
    "Алёна",
    "Алина",
    "Кристина",
    "Оксана",
    "Лариса",
    "Яна",
    "Диана",
    "Гульнара",
    "Софья",
    "Тамара",
    "Нина",
]
PATRONYMIC_STEMS = [
    "Александров",
    "Сергеев",
    "Андреев",
    "Дмитриев",
    "Алексеев",
    "Михайлов",
    "Николаев",
    "Владимиров",
    "Павлов",
    "Романов",
    "Игорев",
    "Викторов",
    "Олегов",
    "Иванов",
    "Петров",
    "Евгеньев",
    "Юрьев",
    "Анатольев",
    "Валерьев",
    "Геннадьев",
    "Васильев",
    "Борисов",
    "Константинов",
    "Григорьев",
]
SURNAMES = [
    "Иванов",
    "Смирнов",
    "Кузнецов",
    "Попов",
    "Соколов",
    "Лебедев",
    "Козлов",
    "Новиков",
    "Морозов",
    "Волков",
    "Соловьёв",
    "Васильев",
    "Зайцев",
    "Павлов",
    "Семёнов",
    "Голубев",
    "Виноградов",
    "Богданов",
    "Воробьёв",
    "Фёдоров",
    "Михайлов",
    "Беляев",
    "Тарасов",
    "Белов",
    "Комаров",
    "Орлов",
    "Киселёв",
    "Макаров",
    "Андреев",
    "Ковалёв",
    "Ильин",
    "Гусев",
    "Титов",
    "Кузьмин",
    "Кудрявцев",
    "Баранов",
    "Куликов",
    "Алексеев",
    "Степанов",
    "Яковлев",
    "Сорокин",
    "Сергеев",
    "Романов",
    "Захаров",
    "Борисов",
    "Королёв",
    "Герасимов",
    "Пономарёв",
    "Григорьев",
    "Лазарев",
    "Медведев",
    "Ершов",
    "Никитин",
    "Соболев",
    "Рябов",
    "Поляков",
    "Цветков",
    "Данилов",
    "Жуков",
    "Фролов",
    "Журавлёв",
    "Николаев",
    "Крылов",
    "Максимов",
    "Сидоров",
    "Осипов",
    "Белоусов",
    "Федотов",
    "Дорофеев",
    "Егоров",
    "Матвеев",
    "Бобров",
]
ODD_SURNAMES = [
    "Шевченко",
    "Коваленко",
    "Бондаренко",
    "Ткаченко",
    "Кравченко",
    "Мельник",
    "Шмидт",
    "Вебер",
    "Ким",
    "Цой",
    "Пак",
    "Гутман",
    "Черных",
    "Седых",
    "Белых",
    "Живаго",
    "Дурново",
    "Акопян",
    "Саркисян",
    "Петросян",
    "Алиев",
    "Мамедов",
    "Хабибуллин",
    "Гаджиев",
    "Цискаридзе",
    "Лысенко",
    "Гончар",
    "Кравец",
    "Пилипчук",
    "Щукин",
]


def patronymic(rng: random.Random, male: bool) -> str:
    """«Сергеевич» or «Сергеевна»."""
    return rng.choice(PATRONYMIC_STEMS) + ("ич" if male else "на")


def surname(rng: random.Random, male: bool) -> str:
    """A surname that agrees with the sex of its bearer."""
    if rng.random() < 0.15:
        name = rng.choice(ODD_SURNAMES)
    elif rng.random() < 0.3:
        name = rng.choice(faker_names()["surname"])
    else:
        name = rng.choice(SURNAMES)
    return name + "а" if not male and name.endswith(("ов", "ев", "ёв", "ин")) else name


def first_name(rng: random.Random, male: bool) -> str:
    """A first name in the nominative."""
    if rng.random() < 0.3:
        return rng.choice(faker_names()["male" if male else "female"])
    return rng.choice(MALE if male else FEMALE)


@lru_cache(maxsize=1)
def faker_names() -> dict[str, tuple[str, ...]]:
    """Pools of Russian names, drawn once with a fixed seed.

    Raises:
        MissingExtraError: faker is not installed.
    """
    try:
        from faker import Faker
    except ImportError as error:
        raise MissingExtraError("made telephone speech", "train", "faker") from error
    fake = Faker("ru_RU")
    fake.seed_instance(20)
    draws: dict[str, Callable[[], str]] = {
        "male": fake.first_name_male, "female": fake.first_name_female, "surname": fake.last_name_male,
        "city": fake.city_name,
    }  # fmt: skip
    # Sorted, because a set's order of strings changes from process to process.
    return {key: tuple(sorted({draw() for _ in range(250)})) for key, draw in draws.items()}
