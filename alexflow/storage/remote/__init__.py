"""Storages behind a URL: object stores and file servers, through fsspec.

address         a URL with its options, and the part of them that may be shown
opening         an address becomes a back end, or an error that says what to install
backends        the few requests that a back end answers: S3, Google, Azure, file servers
threads         blocking back ends, on threads of their own
backend_errors  classes of back ends' errors
retry           deadline, attempts and the delays between them; outages
connection      one event loop's back end, with its bound on requests; whether to list or to ask for each key
spool           large outputs on a local disk, on their way to the storage
multipart       their upload in parts
ranges          an object read range by range; its stream; its comparison with what was recorded of it
publish         an object becomes visible
leases          leases made of objects
storage         ``RemoteStorage`` itself
"""
