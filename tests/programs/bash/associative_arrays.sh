declare -A ages=([ann]=31 [bob]=27)
ages[cid]=44
for name in $(printf '%s\n' "${!ages[@]}" | sort); do
  printf '%-5s%3d\n' "$name" "${ages[$name]}"
done
[[ -v ages[bob] ]] && echo "bob is known"
