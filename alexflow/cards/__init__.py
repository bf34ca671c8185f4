"""Cards: what a task shows of itself beside its outputs, for reports and the live page.

The cards of a task are one file in the storage's reserved space ``attachments``. Its name has the run and the task, so
that a run's cards are found by a listing, and those of another run of the task are other ones.

Nothing is imported here: each attempt looks into :mod:`alexflow.cards.pending`.
"""
