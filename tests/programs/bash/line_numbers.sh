echo $LINENO

where() { echo "called from line ${BASH_LINENO[0]}"; }
where
