for ((i = 0; i < 5000; i++)); do echo "line $i"; done
