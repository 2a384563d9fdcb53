# Sourced by the other scripts: finds a Python and makes virtual environments with nothing else.
# shellcheck shell=bash

# Print the path of an interpreter that is new enough, or say what is missing.
find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 python3.10 python; do
        if [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    echo "Python 3.10 or newer is needed; set PYTHON to its path" >&2
    return 1
}

# make_venv PYTHON DIR: a virtual environment with pip in it.
make_venv() {
    [ -x "$2/bin/python" ] && "$2/bin/python" -m pip --version >/dev/null 2>&1 && return
    rm -rf "$2"
    # Debian's python3 comes without ensurepip unless python3-venv is there; its pip can stand in.
    "$1" -m venv "$2" >/dev/null 2>&1 || {
        rm -rf "$2"
        "$1" -m venv --without-pip "$2"
        "$1" -m pip --python "$2/bin/python" install --quiet pip
    }
}

# install_into DIR PIP-ARGUMENT...: install, unless the same was installed from the same files.
install_into() {
    local venv=$1 stamp wanted
    shift
    stamp="$venv/.installed"
    wanted="$* $(cat pyproject.toml generated/pyproject.toml | cksum)"
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && return
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
    printf '%s' "$wanted" >"$stamp"
}

# sync_locked DIR: install this project, its extra [local] and its development tools, in the versions
# of uv.lock, unless that was done from the same files. A new release of any of them changes nothing.
sync_locked() {
    export UV_COMPILE_BYTECODE=1 # a box cannot keep what it compiles
    local stamp wanted uv
    stamp="$1/.installed"
    wanted="locked $(cat uv.lock pyproject.toml generated/pyproject.toml | cksum)"
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && return
    uv=$(sed -n '/^name = "uv"$/{n;s/^version = "\(.*\)"$/\1/p;}' uv.lock)
    "$1/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$uv"
    UV_PROJECT_ENVIRONMENT=$1 UV_PYTHON_DOWNLOADS=never "$1/bin/uv" sync --quiet --frozen --inexact \
        --python "$1/bin/python" --extra local --group dev
    printf '%s' "$wanted" >"$stamp"
}
