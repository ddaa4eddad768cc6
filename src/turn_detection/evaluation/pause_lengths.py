"""How long callers pause inside a turn: the survival curve behind the drawn pauses."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from ..errors import InvalidInputError

#: Seconds, and the share of mid-turn pauses that last longer, as the silence timer's row of eot-bench implies (English phone speech;
#: livekit/eot-bench: cut-offs of the timer at 300 and 600 ms, its delay at 5 % and 10 %; pauses under 0.2 s are not counted there).
EOT_BENCH_KNOTS: tuple[tuple[float, float], ...] = ((0.2, 1.0), (0.3, 0.556), (0.6, 0.217), (1.0, 0.10), (1.6, 0.05))
_P95_S = 1.6


@dataclass(frozen=True, slots=True)
class PauseLengths:
    """The survival curve of mid-turn pauses.

    Between its knots, and beyond the last one at the rate of the last piece, the logarithm of the survival is linear in time:
    S(2.5 s) = .018, S(3.5 s) = .0056. ``stretch`` multiplies what a pause lasts over 0.2 s.
    """

    name: str = "eot-bench"
    stretch: float = 1.0

    @classmethod
    def with_p95(cls, p95_s: float) -> PauseLengths:
        """The curve stretched so that one pause in twenty outlasts ``p95_s`` seconds. The curve itself has 1.6 s.

        Raises:
            InvalidInputError: 0.2 s or less, over 60 s, or no number.
        """
        floor = EOT_BENCH_KNOTS[0][0]
        if not floor < p95_s <= 60.0:
            raise InvalidInputError(f"the p95 of pauses must be over {floor} and at most 60 seconds, got {p95_s}")
        return cls(f"p95={p95_s:g}", (p95_s - floor) / (_P95_S - floor))

    @classmethod
    def parse(cls, text: str) -> PauseLengths:
        """``eot-bench`` or ``p95=SECONDS``.

        Raises:
            InvalidInputError: anything else.
        """
        if text == "eot-bench":
            return cls()
        match = re.fullmatch(r"p95=(\d+(?:\.\d+)?)", text)
        if match is None:
            raise InvalidInputError(f"pauses are 'eot-bench' or 'p95=SECONDS' such as p95=1.4, got '{text}'")
        return cls.with_p95(float(match[1]))

    def survival(self, seconds: np.ndarray | float) -> np.ndarray:
        """Share of pauses that last longer; 1 up to 0.2 s. Same shape as ``seconds``, float64."""
        floor = EOT_BENCH_KNOTS[0][0]
        unstretched = floor + (np.asarray(seconds, dtype=np.float64) - floor) / self.stretch
        times, logs = _pieces()
        shares: np.ndarray = np.exp(np.interp(unstretched, times, logs))
        return shares

    def seconds(self, quantiles: np.ndarray) -> np.ndarray:
        """Pause lengths whose survival is ``1 - quantiles``; ``(n,) float64`` in [0, 1) to ``(n,) float64`` seconds."""
        times, logs = _pieces()
        floor = EOT_BENCH_KNOTS[0][0]
        drawn = np.interp(-np.log1p(-np.asarray(quantiles, dtype=np.float64)), -logs, times)
        seconds: np.ndarray = floor + (drawn - floor) * self.stretch
        return seconds


def _pieces() -> tuple[np.ndarray, np.ndarray]:
    """Times and log-survivals, with a far point that continues the last piece (to a survival of 1e-16)."""
    knots = list(EOT_BENCH_KNOTS)
    (before, s_before), (last, s_last) = knots[-2:]
    rate = math.log(s_before / s_last) / (last - before)
    knots.append((last + math.log(s_last / 1e-16) / rate, 1e-16))
    times, shares = zip(*knots, strict=True)
    return np.array(times), np.log(np.array(shares))


#: The curve as it is, and the two stress runs.
DEFAULT_PAUSES = PauseLengths()
STRESS_PAUSES = (PauseLengths.with_p95(1.4), PauseLengths.with_p95(2.5))
