"""What the bot expects to hear, counted at run time: phones, codes, mail addresses, dates.

A network tells a finished dictation from an unfinished one by habit; it counts badly. This room counts. It reads what is expected, from
the caller of the package or from the bot's own line, and says how much of it the message holds. Only a message that ends in the dictation
itself is judged; every other one («девятьсот три, а дальше не помню», «это мобильный моей жены», «нет, точнее семь») is left alone.
"""

from .asking import asked_slot
from .expectation import Slot, check_expect, slot_of
from .progress import COMPLETE_P, PARTIAL_P, progress_of, shifted
from .wording import Progress

__all__ = [
    "COMPLETE_P",
    "PARTIAL_P",
    "Progress",
    "Slot",
    "asked_slot",
    "check_expect",
    "progress_of",
    "shifted",
    "slot_of",
]
