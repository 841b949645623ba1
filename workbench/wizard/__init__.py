"""The wizard: prompts on a terminal, a review, and a recipe. Only this room knows a prompt library."""
