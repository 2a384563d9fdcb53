file=$(mktemp)
printf '%s\n' "ann:31" "bob:27" >"$file"
while IFS=: read -r name age; do
  echo "$name is $age"
done <"$file"
mapfile -t lines <"$file"
echo "${#lines[@]} lines"
rm "$file"
