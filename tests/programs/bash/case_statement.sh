for file in a.txt b.tar.gz c.png d; do
  case $file in
    *.txt | *.md) echo "$file: text" ;;
    *.gz) echo "$file: archive" ;;
    *.png) echo "$file: picture" ;;
    *) echo "$file: unknown" ;;
  esac
done
