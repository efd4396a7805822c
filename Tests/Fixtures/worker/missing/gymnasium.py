"""Hides gymnasium."""
raise ModuleNotFoundError("No module named 'gymnasium'", name="gymnasium")
