"""Turn detection for Russian voice bots.

At every pause of a caller: speak or wait?

>>> from turn_detection import TurnDetector
>>> detector = TurnDetector.load()
>>> detector.predict("мне нужен билет на", context="Чем могу помочь?").label
'wait'
"""

from .detector import TurnDetector
from .endpointing import Endpointer, EndpointingPolicy
from .errors import TurnDetectionError
from .types import Message, TurnPrediction

__all__ = ["Endpointer", "EndpointingPolicy", "Message", "TurnDetectionError", "TurnDetector", "TurnPrediction"]
__version__ = "0.1.0"
