data='id,name,price
1,pen,2.50
2,book,12.00
3,cup,7.25'
awk -F, 'NR > 1 { sum += $3; n++ } END { printf "%d items, %.2f\n", n, sum }' <<<"$data"
sed -n '2,3p' <<<"$data" | cut -d, -f2 | tr '[:lower:]' '[:upper:]'
grep -E '^[23],' <<<"$data" | sort -t, -k3 -n
