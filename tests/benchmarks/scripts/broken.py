"""A contestant that raises."""

raise RecursionError("too deep")
