coproc UPPER { while read -r line; do echo "${line^^}"; done; }
echo "hello" >&"${UPPER[1]}"
read -r answer <&"${UPPER[0]}"
echo "$answer"
eval "exec ${UPPER[1]}>&-"
wait
