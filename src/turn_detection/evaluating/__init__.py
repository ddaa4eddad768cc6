"""A whole evaluation: data in, report out. Above both rooms, because neither data nor evaluation knows the other.

Entry: :func:`turn_detection.evaluating.run.evaluate`.
"""
