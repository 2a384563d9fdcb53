#!/usr/bin/env bash
# Records what a server answers to every operation of the generated client, for the replay tests.
#
#   bash scripts/record.sh URL [--output DIR] [--header 'Name: value']...
#
# Use a sandbox of your own: the tour makes contexts, sessions and files in it, and deletes them.
# Headers that give access can also come in $EXECD_HEADERS, one a line, so that no command line
# shows them. None of them gets into a cassette.
#
# Needs the group "test" of pyproject.toml in the Python that $PYTHON names, `python` by default.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
exec "${PYTHON:-python}" "$root/tests/execd_client/record.py" "$@"
