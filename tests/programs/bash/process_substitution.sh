diff <(printf '%s\n' a b c) <(printf '%s\n' a x c)
echo "diff says $?"
while read -r n; do ((sum += n)); done < <(seq 10)
echo "$sum"
