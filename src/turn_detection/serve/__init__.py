"""The server: ``python -m turn_detection.serve``. HTTP and WebSocket in front of one detector.

Importing this package imports no web framework; ``app`` and what stands on it need the extra ``serve``.
"""
