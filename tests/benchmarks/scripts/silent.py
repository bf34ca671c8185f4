"""A contestant that does not answer."""

print("done")
