"""Compiles the sources that its input names. Run by the Python that the bytecode is for, 3.8 or newer.

Each line of input is a JSON list: source, name in the code, where the bytecode goes. For a source that
does not compile (a template, another Python's) no file appears, and that is no error. The bytecode is
never checked against its source: nobody writes to either. The name is a relative one, the same in
every environment; Python puts the path where it found the source in its place when it imports it.
"""

import sys

# The folder of this file comes first there, and its modules are not the standard library's.
sys.path.pop(0)

import json
import os
import py_compile
import warnings

UNCHECKED = py_compile.PycInvalidationMode.UNCHECKED_HASH


def main() -> None:
    """Compile what standard input lists. A disk that is full, and the like, ends it with a message."""
    warnings.simplefilter("ignore")  # of other people's sources
    sys.setrecursionlimit(10_000)  # generated sources nest deeply
    for line in sys.stdin:
        source, name, target = json.loads(line)
        try:
            py_compile.compile(source, cfile=target, dfile=name, doraise=True, invalidation_mode=UNCHECKED)
        except OSError as error:
            sys.exit("%s: %s (os error %d)" % (target, error.strerror, error.errno or 0))  # noqa: UP031
        except (py_compile.PyCompileError, RecursionError, ValueError, UnicodeError, MemoryError):
            if os.path.exists(target):
                os.unlink(target)


if __name__ == "__main__":
    main()
