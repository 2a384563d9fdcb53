package main

import (
	"container/list"
	"fmt"
	"strings"
)

type entry struct {
	key   string
	value int
}

type Cache struct {
	capacity int
	order    *list.List
	index    map[string]*list.Element
}

func NewCache(capacity int) *Cache {
	return &Cache{capacity, list.New(), map[string]*list.Element{}}
}

func (c *Cache) Get(key string) (int, bool) {
	element, ok := c.index[key]
	if !ok {
		return 0, false
	}
	c.order.MoveToFront(element)
	return element.Value.(*entry).value, true
}

func (c *Cache) Put(key string, value int) {
	if element, ok := c.index[key]; ok {
		element.Value.(*entry).value = value
		c.order.MoveToFront(element)
		return
	}
	c.index[key] = c.order.PushFront(&entry{key, value})
	if c.order.Len() > c.capacity {
		last := c.order.Remove(c.order.Back()).(*entry)
		delete(c.index, last.key)
		fmt.Println("dropped", last.key)
	}
}

func main() {
	cache := NewCache(3)
	for _, word := range strings.Fields("one two three one four two") {
		if value, ok := cache.Get(word); ok {
			fmt.Println("hit", word, value)
			continue
		}
		cache.Put(word, len(word))
	}
	for e := cache.order.Front(); e != nil; e = e.Next() {
		fmt.Print(*e.Value.(*entry), " ")
	}
	fmt.Println(len(cache.index))
}
