"""Prow: webhook ChatOps, CI jobs, merge automation and a dashboard for GitHub organisations."""

__version__ = "0.1.0"
