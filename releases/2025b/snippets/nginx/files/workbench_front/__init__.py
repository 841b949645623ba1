"""The front of an IDE: nginx on the platform's port, probes and culling beside it, both servers under one roof.

Runs inside the image with its Python and the standard library only, as `python -I -m workbench_front`:
isolated, because the folder it starts in is the user's, and a file named json.py there must not be ours.
"""
