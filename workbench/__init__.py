"""Workbench images: choose, compose, lock, build and run container images for data science."""

__version__ = "0.2.0"
