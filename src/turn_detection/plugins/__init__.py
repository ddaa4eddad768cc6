"""Adapters to the frameworks that voice bots are built with. Each needs its own extra and imports nothing of the others."""
