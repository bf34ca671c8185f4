"""Back ends: the requests to object stores and file servers, a module for each kind."""
