set +e
no_such_program_here 2>/dev/null
echo $?
/etc/passwd 2>/dev/null
echo $?
