for address in ann@example.org "not an address"; do
  if [[ $address =~ ^([a-z]+)@([a-z.]+)$ ]]; then
    echo "${BASH_REMATCH[1]} at ${BASH_REMATCH[2]}"
  else
    echo "no match"
  fi
done
