"""`python -m code_interpreter`: the command `code-interpreter`."""

import sys

from code_interpreter.cli.parser import main

if __name__ == "__main__":
    sys.exit(main())
