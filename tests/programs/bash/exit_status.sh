echo "checking"
echo "2 problems" >&2
exit 3
echo "not reached"
