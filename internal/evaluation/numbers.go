package evaluation

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// number writes a value as people read it: three digits that mean something, thousands apart.
func number(v float64) string {
	switch size := math.Abs(v); {
	case size >= 100 || v == math.Trunc(v):
		return thousands(strconv.FormatFloat(v, 'f', 0, 64))
	case size >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// thousands puts a comma after every third digit from the right.
func thousands(digits string) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// usd writes an amount of money; small ones keep the digits that they consist of.
func usd(v float64) string {
	if v != 0 && math.Abs(v) < 0.1 {
		return "$" + strconv.FormatFloat(v, 'f', 4, 64)
	}
	return "$" + strconv.FormatFloat(v, 'f', 2, 64)
}

func percent(v float64) string { return strconv.FormatFloat(100*v, 'f', 0, 64) + " %" }

// estimate writes a value with its interval.
func (e Estimate) text(format func(float64) string) string {
	switch {
	case e.N == 0:
		return "–"
	case e.Interval == nil:
		return format(e.Value)
	}
	return fmt.Sprintf("%s (%s–%s)", format(e.Value), format(e.Interval.Low), format(e.Interval.High))
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(strconv.Itoa(n)) + " " + noun + "s"
}

// short writes a value without its interval.
func (e Estimate) short(format func(float64) string) string {
	if e.N == 0 {
		return "–"
	}
	return format(e.Value)
}
