if read -r line; then echo "got $line"; else echo "nothing to read"; fi
cat | wc -l | tr -d ' '
