"""`python -m code_interpreter.execd`."""

import sys

from code_interpreter.execd.process import main

if __name__ == "__main__":
    sys.exit(main())
