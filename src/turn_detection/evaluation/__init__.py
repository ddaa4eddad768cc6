"""Metrics over whole sets. No torch here, and blind to where the data came from."""
