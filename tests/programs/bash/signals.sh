trap 'echo "got USR1"' USR1
kill -USR1 $$
sleep 0.05
echo "still here"
trap - USR1
