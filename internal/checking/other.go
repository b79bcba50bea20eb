package checking

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// nonsense stands for what has no other form, such as a word that reads the same backwards or a text of punctuation.
const nonsense = "wrong"

// otherWords changes every word and number of a text, and any text but "".
func otherWords(text string) string {
	if text == "" {
		return ""
	}
	other := rewrite(text, wordEnd, otherWord)
	if other == text {
		return nonsense
	}
	return other
}

// rewrite replaces the tokens of a text and copies what stands between them. end says where the token that begins at i
// ends: at i itself if none does.
func rewrite(text string, end func(text string, i int) int, other func(token string) string) string {
	var b strings.Builder
	b.Grow(len(text))
	for i := 0; i < len(text); {
		j := end(text, i)
		if j == i {
			b.WriteByte(text[i])
			i++
			continue
		}
		b.WriteString(other(text[i:j]))
		i = j
	}
	return b.String()
}

// wordEnd finds words, which are letters and the marks on them, and numbers.
func wordEnd(text string, i int) int {
	if isDigit(text[i]) {
		return numberEnd(text, i)
	}
	for j := i; j < len(text); {
		r, size := utf8.DecodeRuneInString(text[j:])
		if !unicode.IsLetter(r) && (j == i || !unicode.IsMark(r)) {
			return j
		}
		j += size
	}
	return len(text)
}

// numberEnd finds the end of a number with its fraction and its exponent, as JSON and most programs write it.
func numberEnd(text string, i int) int {
	end := digitsEnd(text, i)
	if fraction := digitsEnd(text, end+1); end < len(text) && text[end] == '.' && fraction > end+1 {
		end = fraction
	}
	if end == len(text) || text[end] != 'e' && text[end] != 'E' {
		return end
	}
	power := end + 1
	if power < len(text) && (text[power] == '+' || text[power] == '-') {
		power++
	}
	if after := digitsEnd(text, power); after > power {
		return after
	}
	return end
}

func digitsEnd(text string, i int) int {
	for i < len(text) && isDigit(text[i]) {
		i++
	}
	return i
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// otherWord spells a word backwards. Single letters are changed too: they answer multiple choice.
func otherWord(word string) string {
	if isDigit(word[0]) {
		return otherNumber(word)
	}
	letters := []rune(word)
	slices.Reverse(letters)
	if other := string(letters); !strings.EqualFold(other, word) {
		return other
	}
	return nonsense
}

// otherNumber changes every digit but those of an exponent. The first digit of a number other than 0 changes by 4 or 5
// and does not become 0, which keeps the number valid in JSON and makes it differ by more than any tolerance.
func otherNumber(number string) string {
	digits := []byte(number)
	for i, d := range digits {
		switch {
		case d == 'e' || d == 'E':
			return string(digits)
		case d == '.' || d == '-':
		case d == '0':
			digits[i] = '7'
		default:
			digits[i] = '1' + (d-'1'+4)%9
		}
	}
	return string(digits)
}
