#!/usr/bin/env bash
# Install the wheels of dist/ into a fresh environment and use them, each as soon as it is there: the
# generated client, the SDK without extras, everything.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/_env.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dist=$PWD/dist
# Exact versions: these wheels, and nothing else of their names.
sdk=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' src/code_interpreter/_version.py)
client=$(sed -n 's/^version = "\(.*\)"$/\1/p' generated/pyproject.toml)
make_venv "$(find_python)" "$work/venv"
cp tests/execd_client/smoke.py examples/quickstart.py "$work"
cd "$work" # away from the checkout's packages

install() {
    venv/bin/python -m pip install --quiet --disable-pip-version-check --find-links "$dist" "$@"
}

install "opensandbox-execd-client==$client"
venv/bin/python -I -W error smoke.py

install "opensandbox-code-interpreter==$sdk"
venv/bin/python -I -c 'import code_interpreter as c; [getattr(c, name) for name in c.__all__]'
venv/bin/code-interpreter --version
if venv/bin/code-interpreter serve 2>hint; then
    echo "smoke.sh: serve must not start without its extra" >&2
    exit 1
fi
grep --fixed-strings 'from its extra [local]' hint

install "opensandbox-code-interpreter[local]==$sdk"
venv/bin/python -I quickstart.py
