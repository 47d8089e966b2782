"""Starts periodics when they are due (`spec/prowjobs-and-pods` §8.1)."""
