factorial() {
  if (($1 < 2)); then echo 1; else echo $(($1 * $(factorial $(($1 - 1))))); fi
}
for n in 1 5 10; do echo "$n! = $(factorial "$n")"; done
