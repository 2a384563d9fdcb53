#!/usr/bin/env bash
# Run code with a real kernel on this machine: needs Python 3.10 or newer with pip, nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/_env.sh

venv=.venvs/quickstart
make_venv "$(find_python)" "$venv"
install_into "$venv" -e ./generated -e '.[local]'
exec "$venv/bin/python" examples/quickstart.py
