"""Timelines: runs folded from their record or from events into levels of detail, exact and in bounded memory."""
