list=(apple "red cherry" banana)
list+=(date)
echo "${#list[@]} ${list[1]} ${list[-1]}"
for item in "${list[@]}"; do echo "<$item>"; done
unset 'list[0]'
echo "${!list[@]}"
echo "${list[@]:1:2}"
