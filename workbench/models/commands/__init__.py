"""The subverbs of `wizard.py model`, one module each."""
