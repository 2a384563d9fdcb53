parse() {
  local OPTIND=1 option
  while getopts 'vn:' option; do
    case $option in
      v) echo verbose ;;
      n) echo "number $OPTARG" ;;
      *) return 2 ;;
    esac
  done
  shift $((OPTIND - 1))
  echo "rest: $*"
}
parse -v -n 3 one two
