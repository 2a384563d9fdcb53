set -eo pipefail
printf '%s\n' a b | grep -q b && echo found
false | true
echo "not reached"
