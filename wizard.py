"""The entry: `python wizard.py` asks, `python wizard.py VERB` does."""

import sys

if __name__ == "__main__":
    try:
        from workbench.cli import main
    except ModuleNotFoundError as missing:
        if missing.name and missing.name.startswith("workbench"):
            raise
        sys.exit(f"wizard.py needs {missing.name}: run `make wizard`, or .venv/bin/python wizard.py after `make setup`")
    sys.exit(main(sys.argv[1:]))
