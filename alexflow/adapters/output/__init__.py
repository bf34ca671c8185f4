"""Import path of alexflow 1.x."""
