"""Importing this module loads the shipped model, or the one that ``TURN_DETECTION_MODEL`` names.

For processes that fork: what the parent has loaded, its children share.

LiveKit Agents on Linux forks every job from a server process; ``AgentServer(preload_modules=["turn_detection.plugins.preload"])`` puts the
model there, and a job pays for the pages that it writes to only. The engine runs with one thread inside a call, so there is no pool of
threads that a fork would lose. Measured in docs/integrations/livekit.md.
"""

from __future__ import annotations

from .scoring import shared_detector

shared_detector()
