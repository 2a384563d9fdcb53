package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

type Level int

func (l Level) MarshalText() ([]byte, error) { return []byte(fmt.Sprintf("level-%d", int(l))), nil }

type Address struct {
	Street string `json:"street"`
	Zip    *int   `json:"zip,omitempty"`
}

type User struct {
	Name    string         `json:"name"`
	Tags    []string       `json:"tags"`
	Address                // its fields are the user's
	Extra   map[string]any `json:"extra"`
	Level   Level          `json:"level"`
	private int
	Skipped bool `json:"-"`
}

func main() {
	zip := 12345
	user := User{Name: "Éva <e>", Tags: nil, Address: Address{"Main \"St\"", &zip}, Extra: map[string]any{"b": 1.5, "a": []int{1}}, Level: 3}
	data, err := json.Marshal(user)
	fmt.Println(string(data), err)
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	encoder.Encode(map[string]any{"z": nil, "a": "<x>", "n": 1e6})
	var back struct {
		Name  string
		Extra struct{ A []int }
	}
	fmt.Println(json.Unmarshal(data, &back), back)
	var anything any
	fmt.Println(json.Unmarshal([]byte(`{"k": [1, "two", true, null]}`), &anything), anything)
	for _, bad := range []string{`{"name": 5}`, `{"name": "x"`, `[1,]`} {
		err := json.Unmarshal([]byte(bad), &user)
		fmt.Printf("%T: %v\n", err, err)
	}
	decoder := json.NewDecoder(strings.NewReader(`{"n": 1} {"n": 2} {"m": 3}`))
	decoder.DisallowUnknownFields()
	for decoder.More() {
		var v struct{ N int }
		if err := decoder.Decode(&v); err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println(v.N)
	}
}
