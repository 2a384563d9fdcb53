dir=$(mktemp -d)
for i in 1 2 3; do
  (sleep "0.0$i"; echo "job $i" >"$dir/$i") &
done
wait
cat "$dir"/*
echo "all done"
rm -r "$dir"
