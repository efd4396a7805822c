"""Hides numpy, so that the worker has to do without."""
raise ImportError("hidden")
