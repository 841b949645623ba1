"""What a model's Python files say, read from their syntax trees: nothing of them is run."""
