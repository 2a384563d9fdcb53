package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "failed:", err)
		os.Exit(1)
	}
}

func main() {
	folder, err := os.MkdirTemp("", "programs")
	check(err)
	defer func() {
		check(os.RemoveAll(folder))
		_, err := os.Stat(folder)
		fmt.Println("gone:", errors.Is(err, fs.ErrNotExist))
	}()
	notes := filepath.Join(folder, "notes.txt")
	check(os.WriteFile(notes, []byte("first\nsecond – é\n"), 0o600))
	file, err := os.OpenFile(notes, os.O_APPEND|os.O_RDWR, 0)
	check(err)
	fmt.Fprintf(file, "third %d\n", 3)
	file.Seek(0, io.SeekStart)
	scanner := bufio.NewScanner(file)
	for n := 1; scanner.Scan(); n++ {
		fmt.Println(n, scanner.Text())
	}
	check(file.Close())
	fmt.Println(file.Close() != nil)
	check(os.MkdirAll(filepath.Join(folder, "a", "b"), 0o755))
	check(os.Rename(notes, filepath.Join(folder, "a", "b", "moved.txt")))
	check(filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		name, _ := filepath.Rel(folder, path)
		fmt.Println(filepath.ToSlash(name), entry.IsDir())
		return err
	}))
	_, err = os.ReadFile(notes)
	var pathError *fs.PathError
	fmt.Println(errors.As(err, &pathError), pathError.Op, pathError.Err)
	data, err := io.ReadAll(io.LimitReader(strings.NewReader("a long text"), 6))
	fmt.Printf("%q %v\n", data, err)
}
