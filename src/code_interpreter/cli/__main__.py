"""`python -m code_interpreter.cli`."""

import sys

from code_interpreter.cli import main

if __name__ == "__main__":
    sys.exit(main())
