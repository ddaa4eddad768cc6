"""Values for ``{slot}`` marks: names, places, days, sums."""

from __future__ import annotations

import random
from collections.abc import Callable

from .digits import DAYS_GENITIVE, DAYS_NOMINATIVE, HOURS_GENITIVE, MONTHS_GENITIVE, cardinal
from .names import faker_names, first_name, patronymic, surname

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


def _phone(rng: random.Random, _digits: bool) -> str:
    """A mobile number as a bot prints it."""
    digits = "".join(str(rng.randrange(10)) for _ in range(9))
    code, middle, pair, last = "9" + digits[:2], digits[2:5], digits[5:7], digits[7:]
    return rng.choice(("8 {} {} {} {}", "+7 {} {}-{}-{}", "8 ({}) {}-{}-{}", "+7 {} {} {} {}")).format(
        code, middle, pair, last
    )


def _birth_typed(rng: random.Random, _digits: bool) -> str:
    """A date of birth as a recogniser formats it."""
    day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(1940, 2019)
    return rng.choice((f"{day:02d}.{month:02d}.{year}", f"{day} {MONTHS_GENITIVE[month - 1]} {year} года"))


def _year(rng: random.Random, digits: bool) -> str:
    """A year of birth in the nominative: «восемьдесят пять», «две тысячи четыре», «1985»."""
    year = rng.randint(1940, 2019)
    if digits:
        return str(year)
    if year < 2000:
        return cardinal(year - 1900) if rng.random() < 0.6 else f"тысяча девятьсот {cardinal(year - 1900)}"
    return cardinal(year)


def _year_genitive(rng: random.Random, digits: bool) -> str:
    """A year of birth in the genitive: «восемьдесят пятого», «две тысячи четвёртого»."""
    year = rng.randint(1940, 2019)
    if digits:
        return str(year)
    tail = year % 100
    if year >= 2000:
        return "двухтысячного" if not tail else f"две тысячи {_ordinal_genitive(tail)}"
    return _ordinal_genitive(tail)


def _issue_year(rng: random.Random, digits: bool) -> str:
    """The year of a document in the genitive."""
    year = rng.randint(1, 24)
    return str(2000 + year) if digits else f"две тысячи {_ordinal_genitive(year)}"


def _ordinal_genitive(number: int) -> str:
    if number <= 30:
        return DAYS_GENITIVE[number - 1]
    tens, unit = divmod(number, 10)
    if not unit:
        return _TENS_GENITIVE[tens - 3]
    return f"{cardinal(tens * 10)} {DAYS_GENITIVE[unit - 1]}"


_TENS_GENITIVE = (
    "тридцатого", "сорокового", "пятидесятого", "шестидесятого", "семидесятого", "восьмидесятого", "девяностого",
)  # fmt: skip
_HOURS_DATIVE = (
    "двум", "трём", "четырём", "пяти", "шести", "семи", "восьми", "девяти", "десяти", "одиннадцати", "двенадцати",
)  # fmt: skip
_MONTHS = (
    "январь", "февраль", "март", "апрель", "май", "июнь", "июль", "август", "сентябрь", "октябрь", "ноябрь", "декабрь",
)  # fmt: skip


SLOTS: dict[str, Callable[[random.Random, bool], str]] = {
    "on_day": _one_of(*ON_DAY),
    "for_day": _one_of(*FOR_DAY),
    "weekday": _one_of("понедельник", "вторник", "среду", "четверг", "пятницу", "субботу", "воскресенье"),
    "weekday_gen": _one_of("понедельника", "вторника", "среды", "четверга", "пятницы", "субботы"),
    "part_of_day": _one_of("утром", "днём", "вечером", "после обеда", "до обеда"),
    "time": _time,
    "hour_gen": lambda rng, digits: str(rng.randint(2, 12)) if digits else rng.choice(HOURS_GENITIVE[1:]),
    "hour_dat": lambda rng, digits: str(rng.randint(2, 12)) if digits else rng.choice(_HOURS_DATIVE),
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
    "issued_year": _issue_year,
    "metro": _one_of(
        "Сокол", "Чкаловская", "Таганская", "Курская", "Сенная", "Автозаводская", "Тульская", "Выхино", "Речной вокзал",
        "Тушинская", "Купчино", "Автово", "Пионерская", "Беговая", "Белорусская", "Отрадное", "Митино",
        "Новые Черёмушки",
    ),
    "place_ins": _one_of(
        "вокзалом", "рынком", "больницей", "торговым центром", "школой", "заправкой", "аптекой", "парком", "почтой",
        "супермаркетом", "поликлиникой", "стадионом", "кинотеатром",
    ),
    "city_ins": _one_of(
        "Москвой", "Казанью", "Самарой", "Тулой", "Рязанью", "Тверью", "Екатеринбургом", "Краснодаром", "Воронежем",
        "Питером", "Омском", "Пермью",
    ),
    "birth_typed": _birth_typed,
    "year": _year,
    "year_gen": _year_genitive,
    "year_tail": lambda rng, digits: _ordinal_genitive(rng.randint(40, 99)),
    "year_short": _number(26, 32),
    "expiry_year": _number(26, 32),
    "month": _one_of(*_MONTHS),
    "few_ord": _one_of("первое", "второе", "третье", "четвёртое", "пятое", "шестое", "седьмое", "восьмое", "девятое"),
    "hour_ord": _one_of(
        "второго", "третьего", "четвёртого", "пятого", "шестого", "седьмого", "восьмого", "девятого", "десятого",
        "одиннадцатого", "двенадцатого",
    ),
    "weekday_dat": _one_of("понедельнику", "вторнику", "среде", "четвергу", "пятнице", "субботе"),
    "weekday_f": _one_of("среду", "пятницу", "субботу"),
    "several_gen": _one_of("пяти", "шести", "семи", "восьми", "девяти", "десяти", "двенадцати", "двадцати"),
    "phone": _phone,
    "phone_head": lambda rng, _digits: f"{rng.choice(('8', '8', '+7'))} 9{rng.randrange(100):02d}",
    "n3": lambda rng, _digits: f"{rng.randrange(1000):03d}",
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
