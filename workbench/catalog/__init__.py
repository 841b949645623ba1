"""The catalogue: bundles, IDEs, operating systems and releases, read from folders and checked.

Nothing here knows how a recipe is stitched, prompted for or built. Every verb reads the catalogue, so nothing
here imports more than the standard library and the small shared parts.
"""
