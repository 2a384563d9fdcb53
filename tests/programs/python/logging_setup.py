import logging
import sys

logger = logging.getLogger("shop")
logger.handlers[:] = [logging.StreamHandler(sys.stdout)]
logger.handlers[0].setFormatter(logging.Formatter("%(levelname)s:%(name)s:%(message)s"))
logger.setLevel(logging.INFO)
logger.propagate = False
logger.debug("not shown")
logger.info("started with %d items", 3)
try:
    int("x")
except ValueError:
    logger.error("bad number")
