"""The catalogue: bundles, IDEs, operating systems and releases, read from folders and checked.

Nothing here knows how a recipe is stitched, asked for or built, and nothing here imports more
than the standard library's light parts: reading the catalogue is on the way of every verb.
"""
