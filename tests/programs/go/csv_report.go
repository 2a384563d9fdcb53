package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"sort"
	"strconv"
	"strings"
	"text/tabwriter"
)

const data = `region,product,units,price
north,"Tea, green",10,2.50
south,Coffee,4,7.25
north,Coffee,bad,7.25
south,"Tea, ""black""",1,2.75
west,Milk,12
`

func main() {
	log.SetFlags(0)
	log.SetPrefix("report: ")
	reader := csv.NewReader(strings.NewReader(data))
	header, err := reader.Read()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(header)
	totals := map[string]float64{}
	for {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			log.Println("skipped:", err)
			continue
		}
		units, err := strconv.Atoi(record[2])
		if err != nil {
			log.Printf("skipped %q: %v", record, err)
			continue
		}
		price, _ := strconv.ParseFloat(record[3], 64)
		totals[record[0]] += float64(units) * price
	}
	regions := make([]string, 0, len(totals))
	for region := range totals {
		regions = append(regions, region)
	}
	sort.Strings(regions)
	table := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', tabwriter.AlignRight)
	for _, region := range regions {
		fmt.Fprintf(table, "%s\t%.2f\t\n", region, totals[region])
	}
	table.Flush()
	writer := csv.NewWriter(os.Stdout)
	writer.Write([]string{"quote \"", "comma,", "plain"})
	writer.Flush()
	log.Fatalf("%d regions only", len(regions))
}
