"""What object stores and file servers are asked for, a module for each kind."""
