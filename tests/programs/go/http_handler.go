package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
)

type store struct{ items map[string]int }

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
		var item struct {
			Name  string
			Count int
		}
		if err := json.NewDecoder(r.Body).Decode(&item); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.items[item.Name] += item.Count
		w.WriteHeader(http.StatusCreated)
	case http.MethodGet:
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(s.items)
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

func main() {
	handler := &store{map[string]int{}}
	for _, call := range [][2]string{
		{"POST", `{"name": "tea", "count": 2}`}, {"POST", `{"name": "tea", "count": 3}`},
		{"POST", "not json"}, {"GET", ""}, {"DELETE", ""},
	} {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest(call[0], "/items", strings.NewReader(call[1])))
		body, _ := io.ReadAll(recorder.Result().Body)
		fmt.Println(call[0], recorder.Code, strings.TrimSpace(string(body)), recorder.Header().Get("Content-Type"))
	}
	u, err := url.Parse("https://ann:pw@example.com:8080/a%20b/c?q=go+lang&x=1#frag")
	fmt.Println(u.Host, u.Port(), u.Path, u.Query()["q"], u.Fragment, u.User.Username(), err)
	fmt.Println(url.QueryEscape("a b&c=é"), http.StatusText(418))
}
