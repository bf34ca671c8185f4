"""Storages behind a URL: object stores and file servers, through fsspec.

address       what a URL and its options say, and what of them may be shown
provision     from an address to a file system of fsspec's, or an error that says what to install
backend       the few requests that a back end is asked for
s3, google, azure, tree   its forms: three object stores; servers with directories and renaming
s3listing, s3copies, s3obstore   parts of S3's: listings; copies by the server; small requests by another client
objects       what Google's and Azure's have in common
threads       back ends that block, on threads of their own
faults        what an error of some back end means
patience      deadline, attempts, waiting in between
existence     whether to list or to ask for each key
connection    one event loop's back end, its bound on requests, its end with the loop
spool, staging, uploading   what is large on its way there: a local file, the stream into it, parts of it
ranges, reader   what is large on its way here
publication   an object becomes visible
examination   an object held against what was recorded of it
blocking      the same from threads and worker processes: an event loop in the background
storage       ``RemoteStorage`` itself
"""
