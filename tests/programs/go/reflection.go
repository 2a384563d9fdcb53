package main

import (
	"fmt"
	"reflect"
	"strings"
)

type Account struct {
	Owner   string `check:"required" label:"the owner"`
	Balance int    `check:"positive"`
	Notes   []string
	hidden  bool
}

func (a Account) Greet(greeting string) string { return greeting + ", " + a.Owner }

func validate(v any) (problems []string) {
	value := reflect.ValueOf(v)
	for i := range value.NumField() {
		field := value.Type().Field(i)
		switch field.Tag.Get("check") {
		case "required":
			if value.Field(i).IsZero() {
				problems = append(problems, field.Name+" is missing")
			}
		case "positive":
			if value.Field(i).Int() <= 0 {
				problems = append(problems, fmt.Sprint(field.Name, " is ", value.Field(i).Int()))
			}
		}
	}
	return problems
}

func main() {
	account := Account{Balance: -5}
	fmt.Println(strings.Join(validate(account), "; "))
	reflect.ValueOf(&account).Elem().FieldByName("Owner").SetString("ann")
	t := reflect.TypeOf(account)
	for i := range t.NumField() {
		f := t.Field(i)
		fmt.Println(f.Name, f.Type, f.Type.Kind(), f.IsExported(), f.Tag.Get("label"))
	}
	method := reflect.ValueOf(account).MethodByName("Greet")
	fmt.Println(method.Call([]reflect.Value{reflect.ValueOf("hello")})[0], t.NumMethod(), t)
	fmt.Println(reflect.DeepEqual(map[string][]int{"a": {1}}, map[string][]int{"a": {1}}))
	reflect.ValueOf(account).FieldByName("Owner").SetString("bob")
}
