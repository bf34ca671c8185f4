"""For tests: of alexflow itself, and of what is built on it."""
