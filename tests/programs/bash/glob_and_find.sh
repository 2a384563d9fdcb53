folder=$(mktemp -d)
cd "$folder" || exit 1
touch a.txt b.txt .hidden
mkdir sub && touch sub/c.txt
shopt -s nullglob dotglob
echo * -- *.png
find . -name '*.txt' | sort
cd / && rm -rf "$folder"
