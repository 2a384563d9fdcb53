name=World
cat <<END
Hello, $name: $((1 + 1)) \$name
END
cat <<'END'
Hello, $name
END
cat <<-END
	indented
	END
cat <<<"a here string"
