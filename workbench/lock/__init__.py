"""Locking the Python packages of bundles and bases with pipenv, and exporting the lists that images install."""
