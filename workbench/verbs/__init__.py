"""The verbs of the command line, a module each.

A module has `arguments(parser)`, which adds its flags, `EXAMPLES`, shown below its `--help`, and
`run(args)`, which does it and returns the exit code. It raises WorkbenchError for whatever the
user can mend; `workbench.cli` prints that. A verb that reports takes `--json`.
"""
