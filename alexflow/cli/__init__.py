"""The command ``alexflow``: run, plan, inspect and clean up from a shell.

``program`` finds the command and answers for errors, ``arguments`` has what each takes, and each is done by the module
of its name, which is loaded when it is asked for. ``targets`` and ``fields`` turn words of the command line into the
user's objects, ``places`` into storages, and ``answers`` prints what a command found, for people or as JSON.
"""
