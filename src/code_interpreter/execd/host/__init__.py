"""What execd and a sandbox's guard both do to the machine they run on.

A guard loads these files by their path, so they import nothing of this package.
"""
