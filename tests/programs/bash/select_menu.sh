select choice in red green; do echo "chose ${choice:-nothing}"; break; done < <(echo 2) 2>/dev/null
