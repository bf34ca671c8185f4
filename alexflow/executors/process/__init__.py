"""Worker processes, and the engine's side of them."""
