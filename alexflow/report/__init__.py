"""Reports: one run as one HTML file."""

from alexflow.report.writing import write_nothing_ran, write_report

__all__ = ["write_nothing_ran", "write_report"]
