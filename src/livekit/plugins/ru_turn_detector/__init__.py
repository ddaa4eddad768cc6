"""Russian turn detection for LiveKit Agents: ``from livekit.plugins.ru_turn_detector import RussianTurnDetector``.

Importing registers the plugin with the framework, so that ``download-files`` finds it; the model lies in the package and there is
nothing to fetch. It also makes a worker of this process start its inference process with the model in it, for all jobs; who wants a
model in every job instead imports the class from :mod:`turn_detection.plugins.livekit`.
"""

from __future__ import annotations

import contextlib
import logging
import threading

from turn_detection import __version__
from turn_detection.errors import MissingExtraError

try:
    from livekit.agents import Plugin
except ImportError as error:
    raise MissingExtraError("the LiveKit turn detector", "livekit", error.name) from error

from turn_detection.plugins.livekit import RussianTurnDetector

logger = logging.getLogger(__name__)

__all__ = ["RussianTurnDetector", "RussianTurnPlugin", "__version__"]


class RussianTurnPlugin(Plugin):
    """The entry in the framework's list of plugins."""

    def __init__(self) -> None:
        super().__init__("livekit.plugins.ru_turn_detector", __version__, "livekit.plugins.ru_turn_detector", logger)

    def download_files(self) -> None:
        """Check that the shipped model is whole; it came with the package.

        Raises:
            BundleNotFoundError, BundleError: it is missing or damaged.
        """
        from turn_detection.bundle import open_bundle

        logger.info("the model %s is part of the package, nothing to download", open_bundle().manifest.name)


if threading.current_thread() is threading.main_thread():
    # The framework registers plugins on the main thread only; an import elsewhere still gives the detector.
    Plugin.register_plugin(RussianTurnPlugin())
    with contextlib.suppress(MissingExtraError):  # a release without that process: jobs have worker threads
        from turn_detection.plugins import livekit_process

        livekit_process.register()
