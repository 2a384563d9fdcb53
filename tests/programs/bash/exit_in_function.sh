fail() { echo "failed: $1" >&2; exit "${2:-1}"; }
echo before
fail "no disk" 7
echo after
