r"""How packages are installed in a sandbox, and how code finds them. Pure.

The environment of a local sandbox's Python is the user's own, which the box shows and does not let
be written, and which may have no pip. So packages of Python go to a folder below the working
directory, by uv if it is there, else by pip, else by the pip that is in Python's own `ensurepip`.
Those of JavaScript go where Node looks, `node_modules` in the working directory.
"""

import shlex
from collections.abc import Sequence
from typing import Final

LANGUAGES: Final = ("javascript", "python", "typescript")

_FOLDER: Final = ".packages/python"
_PYTHON: Final = r"""
python={python} target={target}
if command -v uv >/dev/null; then
    UV_LINK_MODE=copy uv pip install --python "$python" --target "$target" -- {packages}
else
    if "$python" -m pip --version >/dev/null 2>&1; then
        pip="-m pip"
    else
        pip=$("$python" -c 'import ensurepip, pathlib
print(*pathlib.Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl"))')/pip
    fi
    "$python" $pip install --disable-pip-version-check --upgrade --target "$target" -- {packages}
fi
"""
_NODE: Final = "npm install --prefix . --no-audit --no-fund --no-update-notifier -- {packages}"
# Leaves no names behind.
_SEES_PYTHON: Final = """
exec('''
import importlib, os, sys
if {target!r} not in sys.path:
    sys.path.insert(0, {target!r})
    others = filter(None, [os.environ.get("PYTHONPATH")])
    os.environ["PYTHONPATH"] = os.pathsep.join([{target!r}, *others])
importlib.invalidate_caches()
''', {{}})
"""
_SEES_BASH: Final = """
case ":$PYTHONPATH:" in
    *:{target}:*) ;;
    *) export PYTHONPATH={target}${{PYTHONPATH:+:$PYTHONPATH}} PATH=$PATH:{target}/bin ;;
esac
"""


def script(language: str, packages: Sequence[str], *, python: str, directory: str) -> str:
    """Return what Bash is to run, in the working directory, to install packages.

    Args:
        language: One of `LANGUAGES`.
        packages: What to install, as pip or npm understands it.
        python: The program of the Python that is to have them.
        directory: The working directory.
    """
    wanted = shlex.join(packages)
    if language != "python":
        return _NODE.format(packages=wanted)
    target = shlex.quote(_target(directory))
    return _PYTHON.format(python=shlex.quote(python), target=target, packages=wanted)


def prelude(language: str, directory: str) -> str | None:
    """Return what a context runs to find packages of Python; None if it need not."""
    if language == "python":
        return _SEES_PYTHON.format(target=_target(directory))
    if language == "bash":  # for the Python programs that it starts
        return _SEES_BASH.format(target=shlex.quote(_target(directory)))
    return None


def _target(directory: str) -> str:
    return f"{directory}/{_FOLDER}"
