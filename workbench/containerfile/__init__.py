"""The one reader of Containerfiles: parser, words, stages, and what each instruction means."""
