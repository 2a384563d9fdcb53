word='naïve café 漢字 ☕'
echo "$word" "${#word}"
printf '%s\n' $'\u00e9' | od -An -tx1 | tr -d ' '
