package main

import (
	"fmt"
	"time"
)

func main() {
	day := time.Date(2024, time.February, 28, 23, 30, 0, 0, time.UTC)
	fmt.Println(day.AddDate(0, 0, 2).Format(time.DateOnly), day.Weekday(), day.YearDay())
	fmt.Println(day.Add(36 * time.Hour).Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	year, week := day.ISOWeek()
	fmt.Println(year, week, day.Month(), int(day.Month()), day.Unix())
	later := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	fmt.Println(later.Sub(day), later.After(day), later.Sub(day).Hours())
	zone := time.FixedZone("EAST", 5*3600+1800)
	fmt.Println(day.In(zone), day.In(zone).Equal(day))
	parsed, err := time.Parse("02/01/2006 3:04PM", "03/02/2021 4:05AM")
	fmt.Println(parsed.Format(time.RFC3339), err)
	_, err = time.Parse(time.DateOnly, "2023-02-30")
	fmt.Println(err)
	d, _ := time.ParseDuration("1h15m30.5s")
	fmt.Println(d, d.Round(time.Minute), d.Seconds(), time.Duration(1500)*time.Microsecond)
	fmt.Println(time.Time{}.IsZero(), time.Unix(1_000_000_000, 0).UTC())
	for d := later; d.Month() == time.January; d = d.AddDate(0, 0, 10) {
		fmt.Print(d.Day(), " ")
	}
	fmt.Println()
}
