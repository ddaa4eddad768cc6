"""How fast a detector is, on this machine, next to the original system's network. Entry: :func:`turn_detection.speed.run.bench`."""
