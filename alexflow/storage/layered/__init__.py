"""Storages made of others: one below a prefix, one over a read-only one, one with a local copy."""
