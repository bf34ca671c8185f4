"""Progress of runs: counting, wording, drawing, and the output of tasks."""
