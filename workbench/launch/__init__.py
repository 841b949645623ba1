"""From a selection to an open workbench: the plan of what is to be made, making it, and workbenches in podman."""
