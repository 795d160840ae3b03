"""The report of a campaign: one HTML file that needs nothing else, and its figures as PNG."""

from flows.report.write import write_report

__all__ = ["write_report"]
