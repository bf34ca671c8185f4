"""Reports: one run as one HTML file."""

from typing import TYPE_CHECKING

from alexflow.lazy import lazy_names

if TYPE_CHECKING:
    from alexflow.report.writing import write_nothing_ran as write_nothing_ran
    from alexflow.report.writing import write_report as write_report

#: ``alexflow graph`` needs the layout of its pictures, and no report.
__getattr__, __dir__, __all__ = lazy_names(__name__, {"writing": "write_nothing_ran write_report"})
