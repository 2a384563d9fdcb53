#!/usr/bin/env bash
# Build both distributions, wheels and source archives, into dist/ and check their metadata.
#
# Needs `build` and `twine`, of the group "release" in pyproject.toml, in the Python that $PYTHON
# names, which is `python` by default.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python}
rm -rf dist
"$python" -m build --outdir dist generated
"$python" -m build --outdir dist .
"$python" -m twine check --strict dist/*
