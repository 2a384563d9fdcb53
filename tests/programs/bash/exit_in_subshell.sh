(echo inside; exit 4)
echo "subshell said $?"
value=$(echo text; exit 5)
echo "$value $?"
