tmp=$(mktemp -d)
cleanup() { rm -rf "$tmp"; echo "cleaned up, status $1"; }
trap 'cleanup $?' EXIT
touch "$tmp/file"
ls "$tmp"
exit 2
