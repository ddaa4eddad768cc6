"""``python -m turn_detection.commands``."""

from . import main

if __name__ == "__main__":
    main()
