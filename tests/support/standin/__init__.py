"""A foreign cluster whose sandboxes know only commands and files, for tests of what we bring along.

`server` plays the cluster in the process of the tests, `box` encloses a sandbox, and `agent` stands
inside as its execd. What must stay true: nothing here is code of ours, and a sandbox has none.
"""

from tests.support.standin.server import StandIn
from tests.support.standin.settings import Lost, Python, Settings

__all__ = ["Lost", "Python", "Settings", "StandIn"]
