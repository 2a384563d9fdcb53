count=0
trap '((++count))' DEBUG
: one
: two
trap - DEBUG
echo "$count commands"
