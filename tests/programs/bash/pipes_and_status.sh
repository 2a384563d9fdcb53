printf '%s\n' 3 1 2 | sort -n | tail -1
false | true | false
echo "${PIPESTATUS[@]}"
! true
echo $?
