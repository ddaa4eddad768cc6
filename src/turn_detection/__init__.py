"""Turn detection for Russian voice bots."""
