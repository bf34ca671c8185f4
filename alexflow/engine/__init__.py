"""The engine: events meet instructions here.

Nothing is imported here: a run that has nothing to do loads neither the scheduler nor executors.
"""
