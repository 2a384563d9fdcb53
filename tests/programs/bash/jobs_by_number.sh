sleep 60 &
kill %1
wait %1 2>/dev/null
echo "status $?"
