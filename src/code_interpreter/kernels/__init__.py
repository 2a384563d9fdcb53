"""Which Jupyter kernels this machine has for the six languages, and how each is started.

Used by execd, which runs them, and by the command `code-interpreter kernels`, which lists and
installs them. Knows neither: imports flow from there to here.

Finding is lazy: nothing is probed until somebody asks for a language, so that a missing
interpreter is an error of that request and not of the start.
"""
