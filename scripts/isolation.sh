#!/usr/bin/env bash
# Run tests/isolation as it is not run otherwise: in boxes of Landlock, and as an ordinary user in both
# kinds. Needs root, Linux, and a Python that every user can run. Arguments go to pytest.
#
# All of it works on a copy of the tree where every user gets: a checkout, or its Python, may be in
# root's home.
set -euo pipefail
cd "$(dirname "$0")/.."

user=61234 # no account of the machine

[ "$(id -u)" = 0 ] || { echo "needs root; as an ordinary user, run the tests by scripts/test.sh" >&2; exit 1; }
as_user() { setpriv --reuid="$user" --regid="$user" --clear-groups "$@"; }

python=
for candidate in /usr/local/bin/python3 /usr/bin/python3 "$(command -v python3 || true)"; do
    if [ -x "$candidate" ] && as_user "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || { echo "no Python 3.10 or newer is where every user gets" >&2; exit 1; }

place=$(mktemp -d /tmp/isolation-XXXXXX)
trap 'rm -rf "$place"' EXIT
chmod 755 "$place"
git ls-files -z --cached --others --exclude-standard | tar --create --null --files-from=- --mode=u+rw,go+r,a+X |
    tar --extract --directory="$place" --no-same-owner
mkdir "$place/home"
chown "$user" "$place/home"

uv=${UV:-$(command -v uv)}
export UV_COMPILE_BYTECODE=1 UV_PROJECT_ENVIRONMENT=$place/venv PATH="$place/venv/bin:/usr/local/bin:/usr/bin:/bin"
cd "$place"
"$uv" sync --quiet --frozen --python "$python" --extra local --group dev
export JUPYTER_DATA_DIR=$place/jupyter
code-interpreter kernels install python bash
chmod -R a+rX "$place/jupyter" "$place/venv"

unset TMPDIR
export CI=true
tests=(python -m pytest -q -p no:cacheprovider --dist=loadfile --numprocesses=3)
of=tests/isolation
echo "-- as root, in boxes of Landlock"
CI_TIERS=landlock "${tests[@]}" "$of" -k "landlock" "$@"
echo "-- as an ordinary user, in both kinds"
CI_TIERS="namespaces landlock" as_user env HOME="$place/home" TMPDIR="$place/home" PYTHONDONTWRITEBYTECODE=1 \
    "${tests[@]}" "$of/test_escapes.py" "$of/test_using_up.py" "$of/test_mounts.py" "$of/test_tiers.py" "$@"
