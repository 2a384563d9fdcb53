exec 3>&1
{ echo out; echo err >&2; } 2>&1 >/dev/null | sed 's/^/stderr: /'
echo "to three" >&3
exec 3>&-
echo error >&2
echo "lost" >/dev/null
