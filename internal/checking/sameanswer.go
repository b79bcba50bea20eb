package checking

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

// SameAnswer reports whether two answers say the same: the same words, whatever the white
// space, and the same numbers within one part in a million.
func SameAnswer(a, b string) bool {
	left, right := strings.Fields(a), strings.Fields(b)
	if len(left) != len(right) {
		return false
	}
	for i := range left {
		if left[i] != right[i] && !sameNumbers(left[i], right[i]) {
			return false
		}
	}
	return true
}

var number = regexp.MustCompile(`[-+]?\d+(\.\d+)?([eE][-+]?\d+)?`)

// sameNumbers compares two words that differ: what is not a number must be equal.
func sameNumbers(a, b string) bool {
	if number.ReplaceAllString(a, "0") != number.ReplaceAllString(b, "0") {
		return false
	}
	left, right := number.FindAllString(a, -1), number.FindAllString(b, -1)
	for i := range left {
		x, errX := strconv.ParseFloat(left[i], 64)
		y, errY := strconv.ParseFloat(right[i], 64)
		if errX != nil || errY != nil || math.Abs(x-y) > 1e-6*math.Max(math.Abs(x), math.Abs(y)) {
			return false
		}
	}
	return true
}
