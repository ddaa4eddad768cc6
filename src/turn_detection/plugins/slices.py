"""Letting an event loop run at once when it wakes, although worker threads compute on its cores.

Linux gives every runnable thread slices of a millisecond or more. An event loop that wakes on a core where a model computes waits for the end of that
slice, unless its own is the shorter one: then it goes first (EEVDF with ``PREEMPT_SHORT``, Linux 6.12). Threads that ask for longer
slices than the default are therefore in nobody's way. Their share of the processor stays what it was, unlike with a lower priority, so that
answers come in time on a busy machine too. See ``sched_setattr(2)``, ``sched_runtime`` of ``SCHED_OTHER``.
"""

from __future__ import annotations

import ctypes
import platform
import struct
import sys

#: Asked for by worker threads; the kernel's own is 1 to 3 ms, the most it allows is 100.
SLICE_S = 0.02

#: Numbers of the system calls ``sched_setattr`` and ``sched_getattr``: C libraries before glibc 2.41 have no function of that name.
_CALLS = {"x86_64": (314, 315), "aarch64": (274, 275)}
#: ``struct sched_attr`` in its first version: size, policy, flags, nice, priority, runtime, deadline, period.
_ATTRIBUTES = struct.Struct("=IIQiIQQQ")


def take_long_slices(slice_s: float = SLICE_S) -> bool:
    """Ask for slices of ``slice_s`` seconds for the calling thread; its policy and priority stay.

    Returns:
        Whether the kernel took the request. One before 6.12 takes it and does nothing; other systems than Linux and other processors than
        x86-64 and 64-bit Arm are left alone.
    """
    found = _attributes()
    if found is None:
        return False
    size, policy, _, nice, priority, *_ = found
    asked = _ATTRIBUTES.pack(size, policy, 0, nice, priority, int(slice_s * 1e9), 0, 0)
    return _call(0, 0, asked, 0)


def slice_of_thread() -> float | None:
    """Slice of the calling thread in seconds, 0 for one that the kernel does not tell; ``None`` where it cannot be asked."""
    found = _attributes()
    return None if found is None else found[5] / 1e9


def _attributes() -> tuple[int, ...] | None:
    found = ctypes.create_string_buffer(_ATTRIBUTES.size)
    return _ATTRIBUTES.unpack(found.raw) if _call(1, 0, found, _ATTRIBUTES.size, 0) else None


def _call(which: int, *arguments: object) -> bool:
    if sys.platform != "linux" or platform.machine() not in _CALLS or sys.maxsize < 2**32:
        return False
    # A sandbox may forbid the call; nothing depends on it.
    return int(ctypes.CDLL(None).syscall(_CALLS[platform.machine()][which], *arguments)) == 0
