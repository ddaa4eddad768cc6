"""Values for ``{slot}`` marks: names, places, days, sums. Faker is slow, so its names are drawn once and kept."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import lru_cache

from ...errors import MissingExtraError
from .digits import DAYS_GENITIVE, DAYS_NOMINATIVE, HOURS_GENITIVE, MONTHS_GENITIVE, cardinal

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
# Nominative, genitive, accusative, prepositional.
CITIES = (
    ("Москва", "Москвы", "Москву", "Москве"), ("Петербург", "Петербурга", "Петербург", "Петербурге"),
    ("Казань", "Казани", "Казань", "Казани"), ("Самара", "Самары", "Самару", "Самаре"), ("Сочи", "Сочи", "Сочи",
    "Сочи"),
    ("Екатеринбург", "Екатеринбурга", "Екатеринбург", "Екатеринбурге"), ("Тула", "Тулы", "Тулу", "Туле"),
    ("Новосибирск", "Новосибирска", "Новосибирск", "Новосибирске"), ("Пермь", "Перми", "Пермь", "Перми"),
    ("Краснодар", "Краснодара", "Краснодар", "Краснодаре"), ("Уфа", "Уфы", "Уфу", "Уфе"), ("Омск", "Омска", "Омск",
    "Омске"),
    ("Воронеж", "Воронежа", "Воронеж", "Воронеже"), ("Рязань", "Рязани", "Рязань", "Рязани"),
    ("Калининград", "Калининграда", "Калининград", "Калининграде"), ("Томск", "Томска", "Томск", "Томске"),
    ("Тюмень", "Тюмени", "Тюмень", "Тюмени"), ("Иркутск", "Иркутска", "Иркутск", "Иркутске"),
    ("Владивосток", "Владивостока", "Владивосток", "Владивостоке"), ("Тверь", "Твери", "Тверь", "Твери"),
    ("Саратов", "Саратова", "Саратов", "Саратове"), ("Ярославль", "Ярославля", "Ярославль", "Ярославле"),
    ("Минск", "Минска", "Минск", "Минске"), ("Анапа", "Анапы", "Анапу", "Анапе"), ("Мурманск", "Мурманска",
    "Мурманск", "Мурманске"),
    ("Челябинск", "Челябинска", "Челябинск", "Челябинске"), ("Химки", "Химок", "Химки", "Химках"),
)  # fmt: skip
# Streets named by a genitive stay as they are after «на улице», «с улицы».
STREET_NAMES = (
    *[
        "Ленина",
        "Гагарина",
        "Мира",
        "Победы",
        "Пушкина",
        "Кирова",
        "Чехова",
        "Горького",
        "Некрасова",
        "Маяковского",
        "Суворова",
        "Гоголя",
        "Жукова",
        "Королёва",
    ],
    *[
        "Титова",
        "Калинина",
        "Куйбышева",
        "Свободы",
        "Труда",
        "Дружбы",
        "Космонавтов",
        "Строителей",
        "Профсоюзов",
        "Декабристов",
        "Фрунзе",
    ],
    "Карла Маркса",
    "Розы Люксембург",
)
FULL_STREETS = (
    "Садовая улица", "улица Садовая", "Невский проспект", "проспект Мира", "улица Лесная", "Московский проспект",
    "Зелёный переулок", "набережная реки Фонтанки", "Ленинградское шоссе", "бульвар Победы", "улица Новая",
    "улица Школьная",
    "Комсомольский проспект", "улица Молодёжная", "проезд Строителей", "Вокзальная улица", "улица Первомайская",
    "площадь Свободы", "переулок Тихий", "улица Советская", "проспект Ветеранов", "улица Заречная", "Большая Морская",
    "улица Академика Павлова", "улица Маршала Жукова", "Цветной бульвар", "улица Берёзовая", "микрорайон Солнечный",
)  # fmt: skip
ON_DAY = (
    "завтра", "завтра", "послезавтра", "сегодня", "в понедельник", "во вторник", "в среду", "в четверг", "в пятницу",
    "в субботу", "в воскресенье", "в выходные", "на следующей неделе", "на выходных",
)  # fmt: skip
FOR_DAY = (
    "завтра", "послезавтра", "сегодня", "понедельник", "вторник", "среду", "четверг", "пятницу", "субботу",
    "воскресенье",
    "выходные", "следующую неделю",
)  # fmt: skip
PART_OF_DAY = ("утра", "утра", "вечера", "дня")


def _digits_or_words(number: int, digits: bool) -> str:
    return str(number) if digits else cardinal(number)


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


def _time(rng: random.Random, digits: bool) -> str:
    hour = rng.randint(1, 12)
    kind = rng.random()
    if kind < 0.3:
        minutes, spoken = rng.choice((("30", "тридцать"), ("00", "ноль ноль"), ("15", "пятнадцать"), ("40", "сорок")))
        hour = rng.randint(9, 22)
        return f"{hour}:{minutes}" if digits else f"{cardinal(hour)} {spoken}"
    if kind < 0.35:
        return "полдень"
    if kind < 0.7:
        number = "час" if hour == 1 else _digits_or_words(hour, digits)
        part = "дня" if 1 <= hour <= 4 else "вечера" if 5 <= hour <= 8 else "утра"
        return f"{number} {part}"
    return "час" if hour == 1 else _digits_or_words(hour, digits)


def _date(rng: random.Random, digits: bool, days: list[str]) -> str:
    day = rng.randrange(30)
    # Figures keep no case, which is how recognisers print dates: «15 мая».
    return f"{day + 1 if digits else days[day]} {rng.choice(MONTHS_GENITIVE)}"


def _sum(rng: random.Random, digits: bool) -> str:
    number = rng.choice(
        (100, 200, 300, 500, 700, 1000, 1500, 2000, 2500, 3000, 5000, 7000, 10_000, 15_000, 20_000, 30_000, 50_000)
    )
    tail = "рублей" if rng.random() < 0.75 else ""
    return f"{_digits_or_words(number, digits)} {tail}".strip()


def _number(low: int, high: int) -> Callable[[random.Random, bool], str]:
    return lambda rng, digits: _digits_or_words(rng.randint(low, high), digits)


def _one_of(*options: str) -> Callable[[random.Random, bool], str]:
    return lambda rng, _digits: options[int(rng.random() * len(options))]


def _full_name(rng: random.Random, _digits: bool) -> str:
    male = rng.random() < 0.5
    return f"{surname(rng, male)} {first_name(rng, male)} {patronymic(rng, male)}"


def _order(rng: random.Random, digits: bool) -> str:
    pairs = [rng.randint(11, 99) for _ in range(rng.choice((1, 2, 2, 3)))]
    if digits:
        return "".join(map(str, pairs))
    # A round ten would melt with nothing here: the next pair is never a unit.
    return " ".join(cardinal(pair) for pair in pairs)


SLOTS: dict[str, Callable[[random.Random, bool], str]] = {
    "on_day": _one_of(*ON_DAY),
    "for_day": _one_of(*FOR_DAY),
    "weekday": _one_of("понедельник", "вторник", "среду", "четверг", "пятницу", "субботу", "воскресенье"),
    "weekday_gen": _one_of("понедельника", "вторника", "среды", "четверга", "пятницы", "субботы"),
    "part_of_day": _one_of("утром", "днём", "вечером", "после обеда", "до обеда"),
    "time": _time,
    "hour_gen": lambda rng, digits: str(rng.randint(2, 12)) if digits else rng.choice(HOURS_GENITIVE[1:]),
    "hour": _number(2, 12),
    "date": lambda rng, digits: _date(rng, digits, list(DAYS_GENITIVE)),
    "for_date": lambda rng, digits: _date(rng, digits, DAYS_NOMINATIVE),
    "day_gen": lambda rng, digits: str(rng.randint(1, 30)) if digits else rng.choice(DAYS_GENITIVE),
    "day_nom": lambda rng, digits: str(rng.randint(1, 30)) if digits else rng.choice(DAYS_NOMINATIVE),
    "month_gen": lambda rng, _digits: rng.choice(MONTHS_GENITIVE),
    "sum": _sum,
    "sum_gen": _one_of(
        "пятисот рублей", "тысячи рублей", "двух тысяч", "пяти тысяч", "десяти тысяч рублей", "тридцати тысяч",
        "трёхсот рублей",
        "полутора тысяч", "500 рублей", "1000", "20000 рублей", "семи тысяч", "ста рублей", "трёх тысяч рублей",
    ),
    "few": _number(2, 4),
    "several": _number(5, 20),
    "n": _number(2, 30),
    "house": _number(1, 180),
    "flat": _number(1, 350),
    "people": _one_of("двоих", "троих", "четверых", "пятерых", "шестерых", "одного"),
    "city": lambda rng, _digits: rng.choice(faker_names()["city"]) if rng.random() < 0.25 else rng.choice(CITIES)[0],
    "city_gen": lambda rng, _digits: rng.choice(CITIES)[1],
    "city_acc": lambda rng, _digits: rng.choice(CITIES)[2],
    "city_prep": lambda rng, _digits: rng.choice(CITIES)[3],
    "street": lambda rng, _digits: rng.choice(STREET_NAMES),
    "full_street": _one_of(*FULL_STREETS, *(f"улица {name}" for name in STREET_NAMES)),
    "male": lambda rng, _digits: first_name(rng, True),
    "female": lambda rng, _digits: first_name(rng, False),
    "name": lambda rng, _digits: first_name(rng, rng.random() < 0.5),
    "surname": lambda rng, _digits: surname(rng, rng.random() < 0.5),
    "full_name": _full_name,
    "order": _order,
    "doctor_dat": _one_of(
        "терапевту", "стоматологу", "окулисту", "кардиологу", "неврологу", "хирургу", "лору", "педиатру", "дерматологу",
        "гинекологу", "эндокринологу", "ортопеду",
    ),
    "place_gen": _one_of(
        "вокзала", "аэропорта", "рынка", "больницы", "торгового центра", "метро", "автовокзала", "стадиона",
        "кинотеатра",
        "бассейна", "театра", "площади Ленина", "поликлиники", "супермаркета", "университета",
    ),
    "dish_acc": _one_of(
        "пиццу", "маргариту", "пепперони", "салат цезарь", "борщ", "шашлык", "картошку фри", "суши",
        "лапшу с курицей", "том ям",
        "бургер", "филадельфию", "пельмени", "плов", "хинкали", "греческий салат", "картошку по-деревенски",
    ),
    "drink_acc": _one_of("колу", "морс", "сок", "воду без газа", "чай", "лимонад", "кофе", "минералку"),
    "grocery": _one_of(
        "молоко", "хлеб", "сыр", "яйца", "масло", "кефир", "творог", "помидоры", "огурцы", "картошку", "курицу",
        "гречку",
        "рис", "сметану", "бананы", "яблоки", "сахар", "чай", "муку", "воду", "колбасу", "лук", "макароны",
    ),
    "device": _one_of("телефон", "ноутбук", "телевизор", "холодильник", "пылесос", "чайник", "планшет", "утюг",
    "роутер"),
    "thing_acc": _one_of("куртку", "кроссовки", "платье", "сумку", "рюкзак", "посуду", "люстру", "коляску", "книгу",
    "наушники"),
}  # fmt: skip
