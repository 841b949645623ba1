"""Images built for whoever uses the service: which can be chosen, a queue, a child process each, its log.

recipes.py    Recipes: what the operator's catalogue offers, and the command that builds; whoever serves brings it
queue.py      Builds: who builds what now, what waits, what came of it
process.py    one build: the child process, its steps and its log
"""
