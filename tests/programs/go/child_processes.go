package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

func main() {
	upper := exec.Command("tr", "a-z", "A-Z")
	upper.Stdin = strings.NewReader("to the child\n")
	out, err := upper.Output()
	fmt.Printf("%q %v\n", out, err)
	both, err := exec.Command("sh", "-c", "echo oops >&2; exit 7").CombinedOutput()
	var exit *exec.ExitError
	fmt.Println(strings.TrimSpace(string(both)), err, errors.As(err, &exit), exit.ExitCode())
	inherited := exec.Command("sh", "-c", "echo inherited; echo to stderr >&2; cat")
	inherited.Stdin, inherited.Stdout, inherited.Stderr = os.Stdin, os.Stdout, os.Stderr
	fmt.Println(inherited.Run())
	_, err = exec.LookPath("no-such-command-here")
	fmt.Println(err)
	os.Setenv("GREETING", "hi")
	out, _ = exec.Command("sh", "-c", "printf %s $GREETING").Output()
	fmt.Println(string(out), os.Getenv("NOT_SET_AT_ALL") == "")
}
