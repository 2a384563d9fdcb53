"""The command `code-interpreter mcp`."""

import argparse
import asyncio
import sys

from code_interpreter.local.box.box import IsolationUnavailableError
from code_interpreter.local.box.tiers import box_for, chosen
from code_interpreter.mcp.places import Place
from code_interpreter.mcp.stdio import serve_stdio

_CANNOT_START = 1


def run(arguments: argparse.Namespace) -> int:
    """Serve until the client is gone; 1 if code could not run here."""
    place = Place(
        domain=arguments.domain,
        sandbox_id=arguments.sandbox,
        image=arguments.image,
        isolation=arguments.isolation,
        network=arguments.network,
    )
    if place.is_here:
        # A sandbox starts with the first tool that needs it; that it can is known now.
        try:
            box_for(chosen(arguments.isolation))
        except (ValueError, IsolationUnavailableError) as error:
            return _refuse(str(error))
    asyncio.run(serve_stdio(place))
    return 0


def _refuse(message: str) -> int:
    sys.stderr.write(f"code-interpreter: {message}\n")
    return _CANNOT_START
