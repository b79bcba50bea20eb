package evaluation

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// unit is how the values of a measure are written.
type unit struct {
	text  func(float64) string
	whole bool // an axis has no fractions of it
}

var (
	counts = unit{number, true}
	shares = unit{percent, false}
	money  = unit{usd, false}
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
	digits := 2
	switch size := math.Abs(v); {
	case size == 0:
	case size < 0.1:
		digits = 4
	case size < 1:
		digits = 3
	}
	return "$" + strconv.FormatFloat(v, 'f', digits, 64)
}

func percent(v float64) string { return strconv.FormatFloat(100*v, 'f', 0, 64) + " %" }

// text writes a value with its interval, unless that has no width.
func (e Estimate) text(in unit) string {
	if e.N == 0 || e.Interval == nil || e.Interval.Low == e.Interval.High {
		return e.short(in)
	}
	low := strings.TrimSuffix(in.text(e.Interval.Low), " %") // 73–89 %
	return fmt.Sprintf("%s (%s–%s)", in.text(e.Value), low, strings.TrimPrefix(in.text(e.Interval.High), "$"))
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(strconv.Itoa(n)) + " " + noun + "s"
}

// short writes a value without its interval.
func (e Estimate) short(in unit) string {
	if e.N == 0 {
		return "–"
	}
	return in.text(e.Value)
}

// signed writes a change in percent.
func signed(percent float64) string {
	return strings.Replace(fmt.Sprintf("%+.0f %%", percent), "-", "−", 1)
}

// oneLine makes a text of any origin fit for one line: white space becomes single spaces, and characters that could steer a
// terminal or turn the direction of writing are replaced.
func oneLine(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.In(c, unicode.Cc, unicode.Cf) {
			return unicode.ReplacementChar
		}
		return c
	}, strings.Join(strings.Fields(s), " "))
}
