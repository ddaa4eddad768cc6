"""Russian turn detection for LiveKit Agents: ``from livekit.plugins.ru_turn_detector import RussianTurnDetector``.

Importing registers the plugin with the framework, so that ``download-files`` finds it; the model lies in the package and there is
nothing to fetch.
"""

from __future__ import annotations

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
