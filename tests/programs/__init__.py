"""Programs as users write them, run by our kernels and by the languages' own tools.

A folder per language holds the programs, one in each file. `compare` runs them both ways, and says
where they differ; `test_<language>.py` names the tool.
"""
