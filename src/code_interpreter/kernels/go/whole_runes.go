package jpyexec

import (
	"io"
	"unicode/utf8"
)

// wholeRunes reads a pipe in pieces that never end within a character: each piece becomes a
// message of its own, and half a character is destroyed there.
type wholeRunes struct {
	source io.Reader
	rest   []byte
}

func (r *wholeRunes) Read(piece []byte) (int, error) {
	for {
		size := copy(piece, r.rest)
		read, err := r.source.Read(piece[size:])
		size += read
		kept := 0
		if err == nil {
			kept = unfinished(piece[:size])
		}
		r.rest = append(r.rest[:0], piece[size-kept:size]...)
		if size > kept || err != nil {
			return size - kept, err
		}
	}
}

// unfinished is how many bytes at the end are the beginning of a character.
func unfinished(text []byte) int {
	for back := 1; back < utf8.UTFMax && back <= len(text); back++ {
		if end := text[len(text)-back:]; utf8.RuneStart(end[0]) {
			if utf8.FullRune(end) {
				return 0
			}
			return back
		}
	}
	return 0
}
