set -f
echo *
set +f
set -C
file=$(mktemp -u)
echo a >"$file"
{ echo b >"$file"; } 2>/dev/null || echo "not overwritten"
set +C
rm "$file"
