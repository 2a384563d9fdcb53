#!/usr/bin/env bash
# Run the tests: needs Python 3.10 or newer with pip, nothing else. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/_env.sh

python=$(find_python)
venv=.venvs/test-$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
make_venv "$python" "$venv"
install_into "$venv" -e ./generated -e '.[local]' --group dev
# Some tests start `code-interpreter` and the generator by name.
PATH="$PWD/$venv/bin:$PATH" exec "$venv/bin/python" -m pytest "$@"
