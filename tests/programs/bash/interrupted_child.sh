bash -c 'trap "echo caught; exit 5" TERM; kill -TERM $$'
echo "status $?"
timeout 0.1 sleep 60
echo "status $?"
