"""`python -m code_interpreter.local.execd`."""

import sys

from code_interpreter.local.execd import main

if __name__ == "__main__":
    sys.exit(main())
