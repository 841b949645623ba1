"""The subverbs of `monobase`, one module each: EXAMPLES, arguments(parser), run(args)."""
