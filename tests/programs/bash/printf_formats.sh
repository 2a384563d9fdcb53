printf '%5.2f|%-6s|%06d|%x|%q\n' 3.14159 left 42 255 "a b"
printf '%s-%s\n' a b c
printf -v text '%03d' 7
echo "$text"
echo -e 'tab\there' "$(printf 'a\\nb')"
