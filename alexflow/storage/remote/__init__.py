"""Storages behind a URL: object stores and file servers, through fsspec.

address       what a URL and its options say, and what of them may be shown
provision     from an address to a file system of fsspec's, or an error that says what to install
backend       the few requests that a back end is asked for
s3, objects, tree   its forms: S3; stores with create-if-absent; servers with directories and renaming
s3obstore     S3 with another client for the small requests
threads       back ends that block, on threads of their own
faults        what an error of some back end means
patience      deadline, attempts, waiting in between
existence     whether to list or to ask for each key
connection    one event loop's back end, its bound on requests, its end with the loop
blocking      the same from threads and worker processes: an event loop in the background
storage       ``RemoteStorage`` itself
"""
