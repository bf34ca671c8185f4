"""The index of a record: a SQLite database that finds rows without reading all segments.

It is a cache and never the truth: what it has comes from segments, it is brought up to date when it is opened, and one
that is damaged, or of another version, is made again. Nothing that an engine does depends on it.
"""
