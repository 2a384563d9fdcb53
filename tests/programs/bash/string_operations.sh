path=/usr/local/lib/libfoo.so.1
echo "${path##*/} ${path%/*} ${path%%.*}"
echo "${path/lib/LIB} ${path//lib/LIB} ${#path}"
name="ada lovelace"
echo "${name^} ${name^^} ${name:4:4} ${missing:-default}"
