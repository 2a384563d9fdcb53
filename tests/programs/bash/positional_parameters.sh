set -- one "two words" three
echo "$# $1"
for argument; do echo "[$argument]"; done
shift 2
echo "$*"
