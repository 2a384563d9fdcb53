bash -c 'echo "inner $1"; exit 6' name argument
echo "inner ended with $?"
sh -c 'echo from sh'
env -i PATH="$PATH" bash -c 'echo "${HOME-no home}"'
