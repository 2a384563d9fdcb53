text='the cat and the dog and the bird'
for word in $text; do echo "$word"; done | sort | uniq -c | sort -k1,1nr -k2 | awk '{print $1, $2}'
