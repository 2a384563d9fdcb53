package main

import (
	"fmt"
	"os"
	"strings"
	"text/template"
)

type Item struct {
	Name  string
	Price float64
	Count int
}

func (i Item) Total() float64 { return i.Price * float64(i.Count) }

const invoice = `Invoice for {{.Who | upper}}
{{range $i, $item := .Items -}}
{{add $i 1}}. {{printf "%-8s" .Name}} {{.Count}} x {{.Price}}{{if gt .Count 1}} = {{printf "%.2f" .Total}}{{end}}
{{else}}nothing
{{end}}{{with .Note}}Note: {{.}}{{end}}
`

func main() {
	functions := template.FuncMap{"upper": strings.ToUpper, "add": func(a, b int) int { return a + b }}
	t := template.Must(template.New("invoice").Funcs(functions).Parse(invoice))
	t.Execute(os.Stdout, map[string]any{"Who": "ann", "Items": []Item{{"tea", 2.5, 2}, {"cup", 4, 1}}, "Note": "thanks"})
	t.Execute(os.Stdout, map[string]any{"Who": "bob", "Items": nil})
	_, err := template.New("bad").Parse("{{.Name")
	fmt.Println(err)
	err = template.Must(template.New("field").Parse("{{.Missing}}\n")).Execute(os.Stdout, Item{})
	fmt.Println(err)
	template.Must(template.New("panics").Parse("{{end}}"))
}
