echo done
exit 0
