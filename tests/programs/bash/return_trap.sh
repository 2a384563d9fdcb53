work() { trap 'echo "returned"; trap - RETURN' RETURN; echo working; }
work
echo after
