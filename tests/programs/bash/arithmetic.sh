echo $((2 ** 10)) $((7 / 2)) $((7 % 3)) $((0x1f)) $((5 > 3 ? 1 : 0))
x=5
((x++, x *= 2))
echo "$x"
for ((i = 0; i < 5; i++)); do printf '%d ' "$((i * i))"; done
echo
