counter=0
increment() {
  local step=${1:-1}
  counter=$((counter + step))
  return $((counter > 3))
}
increment && echo "small"
increment 5 || echo "large: $counter"
echo "${step-unset}"
