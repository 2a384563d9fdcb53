"""Programs that run in the kernels of any server: they are sent as text, and import nothing of us.

What must stay true: they leave the state of their context as it was.
"""
