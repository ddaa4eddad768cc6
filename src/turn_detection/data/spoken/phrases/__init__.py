"""Phrase banks: our own wording, written as Russian recognisers print callers."""
