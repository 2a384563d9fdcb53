#!/usr/bin/env bash
# Run the tests: needs Python 3.10 or newer with pip, nothing else. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/_env.sh

python=$(find_python)
venv=.venvs/test-$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
make_venv "$python" "$venv"
sync_locked "$venv"

# A marker expression of the caller narrows both phases.
arguments=() wanted=
while [ "$#" -gt 0 ]; do
    case $1 in
        -m) wanted=${2?"-m needs an expression"} && shift ;;
        -m*) wanted=${1#-m} wanted=${wanted#=} ;;
        *) arguments+=("$1") ;;
    esac
    shift
done

# phase MARKER OPTION...: run the tests that have this marker; set `status` to what pytest says.
phase() {
    local marker=$1
    shift
    status=0
    # Some tests start `code-interpreter` and the generator by name.
    PATH="$PWD/$venv/bin:$PATH" "$venv/bin/python" -m pytest "$@" \
        -m "$marker${wanted:+ and ($wanted)}" ${arguments[@]+"${arguments[@]}"} || status=$?
    # 1: a test has failed; 5: there were no tests. The rest ends everything.
    case $status in 0 | 1 | 5) ;; *) exit "$status" ;; esac
}

# One more than there are processors: many tests wait for something most of their time.
phase "not serial" --numprocesses="$("$python" -c 'import os; print((os.cpu_count() or 1) + 1)')" \
    --dist=loadfile
first=$status
phase serial
case "$first $status" in
    "5 5") exit 5 ;;
    *1*) exit 1 ;;
esac
