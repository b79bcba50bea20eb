package batches

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// output is what a run left.
type output struct {
	answer string
	files  map[string]string
}

// with returns the output with one file in another form.
func (o output) with(name, content string) output {
	files := map[string]string{}
	for n, c := range o.files {
		files[n] = c
	}
	files[name] = content
	return output{answer: o.answer, files: files}
}

// without returns the output without one of its files.
func (o output) without(name string) output {
	o = o.with(name, "")
	delete(o.files, name)
	return o
}

// saying returns the output with one part of the answer replaced.
func (o output) saying(t *testing.T, from, to string) output {
	t.Helper()
	require.Contains(t, o.answer, from)
	return output{answer: strings.ReplaceAll(o.answer, from, to), files: o.files}
}

// edited returns the output with one part of a file replaced.
func (o output) edited(t *testing.T, name, from, to string) output {
	t.Helper()
	require.Contains(t, o.files[name], from)
	return o.with(name, strings.Replace(o.files[name], from, to, 1))
}

// rightOutputs gives a right output for each task that a script checks.
func rightOutputs(t *testing.T) map[string]output {
	picture := somePicture(t, 400, 300)
	return map[string]output{
		"meeting-1":     booked(picture, 16),
		"meeting-2":     booked(picture, 19),
		"population-1":  peopled(picture, 10_000, map[int]float64{1949: 54167, 1960: 66207, 1970: 82992, 1980: 98705, 1990: 114333, 2000: 126743, 2010: 134091, 2021: 141260, 2023: 140967}),
		"population-2":  peopled(picture, 1, map[int]float64{1920: 55.96e6, 1960: 93.42e6, 1970: 103.72e6, 1980: 117.06e6, 1990: 123.61e6, 2000: 126.93e6, 2010: 128.06e6, 2020: 126.15e6}),
		"volatility-1":  priced(picture, 7, map[string]float64{"2021-11-20": 59000, "2023-01-01": 16600, "2023-08-01": 29200, "2024-07-01": 62800, "2025-07-01": 105700, "2026-11-20": 91000}),
		"volatility-2":  priced(picture, 1, map[string]float64{"2021-11-20": 4400, "2023-01-01": 1200, "2023-08-01": 1870, "2024-07-01": 3440, "2025-07-01": 2405, "2026-11-20": 3100}),
		"trending-1":    trended(picture, "#", "https://trends24.in/united-states/"),
		"trending-2":    trended(picture, "热点话题之", "https://s.weibo.com/top/summary"),
		"regression-1":  fitted(t, picture, 0.042, "https://data.worldbank.org/country/china"),
		"regression-2":  fitted(t, picture, 0.165, "https://www.cms.gov/data-research"),
		"game-1":        played(t, "tetris.py"),
		"game-2":        played(t, "snake.py"),
		"sound-1":       {"bedtime_meditation.mp3 lasts 16:40; breathing from 01:00, body from 06:00, lake from 11:00. Made with piper.", map[string]string{"bedtime_meditation.mp3": someSound(1000), "bedtime_meditation.txt": bedtimeWords}},
		"sound-2":       {"focus_music.mp3 is 15.5 minutes long, the sentences come at 00:05 and 07:45. Made with espeak-ng and numpy.", map[string]string{"focus_music.mp3": someSound(930), "focus_music.txt": "[00:05] Take a breath and settle into your work.\n[07:45] Bring your attention back, gently.\n"}},
		"recording-1":   {"Shake It Off is playing. Album: 1989 (Deluxe). Length: 3:39. Page: https://y.qq.com/n/ryqq/songDetail/001", map[string]string{"player.png": picture}},
		"recording-2":   {"The album is ÷ (Divide), the song lasts 3 minutes and 53 seconds, on https://www.deezer.com/track/139470659.", map[string]string{"player.png": picture}},
		"trip-1":        planned(t, "Tokyo", "culture", "anime", "Senso-ji", "Akihabara", "Meiji Jingu", "Ueno Park", "Nezu Shrine", "Nakano Broadway"),
		"trip-2":        planned(t, "Paris", "museum", "landmark", "Louvre", "Notre-Dame", "Musée d'Orsay", "Sacré-Cœur", "Musée Carnavalet", "Place des Vosges"),
		"correlation-1": correlated(t, picture, "renewable_share_percent", "co2", 20, -0.4),
		"correlation-2": correlated(t, picture, "gdp_per_capita", "life_expectancy", 20000, 0.0005),
	}
}

func booked(picture string, hour int) output {
	const link = "https://meet.ffmuc.net/work-meeting-7q2x9d"
	return output{
		answer: "Work Meeting, tomorrow. Meeting ID: work-meeting-7q2x9d. Link: " + link,
		files: map[string]string{
			"booking.png":   picture,
			"invitation.md": "# Work Meeting\n\n- **Meeting ID:** work-meeting-7q2x9d\n- **Link:** <" + link + ">\n",
			"meeting.ics": fmt.Sprintf("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\nBEGIN:VEVENT\r\nUID:1@x\r\nDTSTAMP:20270228T101500Z\r\n"+
				"DTSTART:20270301T%02d0000Z\r\nDTEND:20270301T%02d0000Z\r\nSUMMARY:Work Meeting\r\nURL:https://meet.ffmuc.net/work-mee\r\n ting-7q2x9d\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", hour, hour+1),
		},
	}
}

// peopled writes the figures as they are, in some unit; without those between, where the check looks for one near each decade.
func peopled(picture string, unit float64, figures map[int]float64) output {
	var csv strings.Builder
	csv.WriteString("year,population\n")
	first, last, most := 3000, 0, 0
	for year, n := range figures {
		fmt.Fprintf(&csv, "%d,%.0f\n", year, n)
		first, last = min(first, year), max(last, year)
		if most == 0 || n > figures[most] {
			most = year
		}
	}
	answer := fmt.Sprintf("%d: %.0f, %d: %.0f, most in %d (in units of %.0f). Source: https://population.un.org/wpp/", first, figures[first], last, figures[last], most, unit)
	return output{answer: answer, files: map[string]string{"population.png": picture, "population.csv": csv.String()}}
}

// priced draws a line between the given prices, with some noise around it, and states the volatility of it.
func priced(picture string, spacing int, known map[string]float64) output {
	noise := rand.New(rand.NewPCG(1, 2))
	day := time.Date(2021, 11, 20, 0, 0, 0, 0, time.UTC)
	end := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	csv, before, returns := "date,price\n", 0.0, []float64{}
	for ; !day.After(end); day = day.AddDate(0, 0, spacing) {
		price := between(known, day) * (1 + 0.02*noise.NormFloat64())
		csv += fmt.Sprintf("%s,%.4f\n", day.Format(time.DateOnly), price)
		if before > 0 {
			returns = append(returns, math.Log(price/before))
		}
		before = price
	}
	percent := 100 * deviation(returns) * math.Sqrt(365/float64(spacing))
	return output{
		answer: fmt.Sprintf("The annualised volatility is %.1f%%, from logarithmic returns; source https://www.coingecko.com/", percent),
		files:  map[string]string{"prices.csv": csv, "prices.png": picture},
	}
}

func between(known map[string]float64, day time.Time) float64 {
	var from, to time.Time
	for text := range known {
		at, _ := time.Parse(time.DateOnly, text)
		if !at.After(day) && at.After(from) {
			from = at
		}
		if !at.Before(day) && (to.IsZero() || at.Before(to)) {
			to = at
		}
	}
	a, b := known[from.Format(time.DateOnly)], known[to.Format(time.DateOnly)]
	if from.Equal(to) {
		return a
	}
	return a + (b-a)*day.Sub(from).Hours()/to.Sub(from).Hours()
}

func deviation(values []float64) float64 {
	var sum, squares float64
	for _, v := range values {
		sum += v
	}
	mean := sum / float64(len(values))
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	return math.Sqrt(squares / float64(len(values)-1))
}

func trended(picture, before, source string) output {
	csv, names := "rank,keyword,count\n", []string{}
	for rank, word := range strings.Fields("Eurovision Glastonbury Perseids Wimbledon Ballondor Oktoberfest Cricket Aurora Budget Nobel Marathon Eclipse Derby Opera Tsunami Strike Election Premiere Finale Derailment") {
		names = append(names, before+word)
		csv += fmt.Sprintf("%d,%s%s,%d\n", rank+1, before, word, 2_000_000/(rank+1))
	}
	return output{answer: "Today ahead: " + strings.Join(names[:3], ", ") + ". Taken from " + source, files: map[string]string{"trending.csv": csv, "trending.png": picture}}
}

// fitted has expenditure on a line through the origin but for a wave, and fits it.
func fitted(t *testing.T, picture string, share float64, source string) output {
	csv := "year,gdp,expenditure\n"
	var x, y []float64
	for i := range 20 {
		gdp := 1000 * math.Pow(1.08, float64(i))
		x, y = append(x, gdp), append(y, share*gdp*(1+0.05*math.Sin(float64(i))))
		csv += fmt.Sprintf("%d,%.6f,%.6f\n", 2000+i, x[i], y[i])
	}
	slope, intercept, r := leastSquares(x, y)
	return output{
		answer: fmt.Sprintf("expenditure = %.5f × gdp + %.3f, R² = %.3f, from %s", slope, intercept, r*r, source),
		files:  map[string]string{"data.csv": csv, "scatter.png": picture, "fit.json": asJSON(t, map[string]float64{"slope": slope, "intercept": intercept, "r_squared": r * r})},
	}
}

func leastSquares(x, y []float64) (slope, intercept, r float64) {
	n := float64(len(x))
	var sx, sy, sxx, syy, sxy float64
	for i := range x {
		sx, sy, sxx, syy, sxy = sx+x[i], sy+y[i], sxx+x[i]*x[i], syy+y[i]*y[i], sxy+x[i]*y[i]
	}
	slope = (n*sxy - sx*sy) / (n*sxx - sx*sx)
	return slope, (sy - slope*sx) / n, (n*sxy - sx*sy) / math.Sqrt((n*sxx-sx*sx)*(n*syy-sy*sy))
}

func played(t *testing.T, name string) output {
	game, err := os.ReadFile(filepath.Join("testdata", "paper", name))
	require.NoError(t, err)
	return output{answer: "Start it with python " + name + " in a terminal; the arrow keys steer.", files: map[string]string{name: string(game)}}
}

// bedtimeWords are spoken over a recording of 1000 seconds.
var bedtimeWords = "[00:05] Welcome. Lie down, and let the day go.\n" +
	"[01:00] Breathe in for four, hold for seven, and out for eight.\n[02:30] Again: in for four, hold for seven, out for eight.\n[04:00] Once more: in for four, hold for seven, out for eight.\n" +
	"[06:00] Feel your forehead and your jaw grow soft. Let your shoulders sink. Your hands are heavy. Your legs are heavy. Your feet and every toe are warm.\n" +
	"[11:00] Walk with me to a quiet lake. " + strings.Repeat("The water is still, and the light is low; nothing has to be done now. ", 20) + "\n"

func planned(t *testing.T, city, daily, once string, names ...string) output {
	type stop struct {
		Name    string   `json:"name"`
		Kinds   []string `json:"kinds"`
		Cost    float64  `json:"cost_usd"`
		Minutes int      `json:"travel_minutes"`
	}
	type day struct {
		Day   int    `json:"day"`
		Stops []stop `json:"stops"`
	}
	var days []day
	text := "# Three days in " + city + "\n"
	for n := 0; n < len(names); n += 2 {
		days = append(days, day{n/2 + 1, []stop{{names[n], []string{daily}, 12.5, 35}, {names[n+1], []string{once, "walk"}, 0, 25}}})
		text += fmt.Sprintf("## Day %d\n%s, then %s\n", n/2+1, names[n], names[n+1])
	}
	return output{
		answer: "Three days (see itinerary.md): 67.50 US dollars in all, 3 hours of travel.",
		files: map[string]string{
			"itinerary.md":   text + "\nPages: https://www.japan-guide.com/e/e2164.html and https://en.wikivoyage.org/wiki/" + city + "\n",
			"itinerary.json": asJSON(t, map[string]any{"days": days, "other_costs_usd": []map[string]any{{"name": "day tickets", "cost_usd": 30}}, "total_cost_usd": 67.5, "total_travel_minutes": 180}),
		},
	}
}

// correlated has five countries with twelve years each; the first is the one where the relation is strongest.
func correlated(t *testing.T, picture, x, y string, start, slope float64) output {
	names := []string{"Germany", "Brazil", "India", "Kenya", "Japan"}
	csv, each := "country,year,"+x+","+y+"\n", map[string]float64{}
	var allX, allY []float64
	for n, name := range names {
		var xs, ys []float64
		for i := range 12 {
			a := start * (1 + 0.05*float64(i) + 0.1*float64(n))
			b := 60 + slope*a + float64(n)*0.3*math.Cos(float64(7*i))
			xs, ys = append(xs, a), append(ys, b)
			csv += fmt.Sprintf("%s,%d,%.6f,%.6f\n", name, 2010+i, a, b)
		}
		_, _, each[name] = leastSquares(xs, ys)
		allX, allY = append(allX, xs...), append(allY, ys...)
	}
	_, _, overall := leastSquares(allX, allY)
	return output{
		answer: fmt.Sprintf("They go together with r = %.2f; the relation is strongest in Germany. Source: https://ourworldindata.org/", overall),
		files:  map[string]string{"data.csv": csv, "plot.png": picture, "correlation.json": asJSON(t, map[string]any{"overall": overall, "countries": each})},
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

func somePicture(t *testing.T, width, height int) string {
	t.Helper()
	noise, img := rand.New(rand.NewPCG(3, 4)), image.NewGray(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = uint8(noise.UintN(4))
	}
	img.SetGray(0, 0, color.Gray{Y: 255})
	var out bytes.Buffer
	require.NoError(t, png.Encode(&out, img))
	return out.String()
}

// someSound is an MP3 file of at least so many seconds whose frames hold noise: MPEG 2, layer III, 22050 Hz, 8 kbit/s.
func someSound(seconds int) string {
	const frame = 576 / 8 * 8000 / 22050 // bytes, for 576 samples
	noise, out := rand.New(rand.NewPCG(5, 6)), bytes.NewBufferString("ID3\x04\x00\x00\x00\x00\x00\x0a0123456789")
	for range (seconds*22050 + 575) / 576 {
		out.WriteString("\xff\xf3\x10\xc4")
		for range frame - 4 {
			out.WriteByte(byte(noise.UintN(255))) // never 0xff
		}
	}
	return out.String()
}
