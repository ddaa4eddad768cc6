"""What people's calls come in, one module a kind of file; :mod:`~turn_detection.data.sources` is the door.

Every kind becomes :class:`.line.Line` values (who, what, when), and :func:`.line.turns_of` makes turns of them, so that roles, merging and
pauses mean the same whatever the calls were exported from.
"""
