(exit 9) &
pid=$!
wait "$pid"
echo "status $?"
