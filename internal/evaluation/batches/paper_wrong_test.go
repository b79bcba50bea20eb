package batches

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/pyruntime/pyruntimetest"
	"agentfactory/internal/sandbox"
)

func TestTheChecksOfThePaperSayWhatIsWrong(t *testing.T) {
	rt, right := pyruntimetest.New(t, sandbox.Confined), rightOutputs(t)
	small := somePicture(t, 100, 80)
	edit := func(id, file, from, to string) output { return right[id].edited(t, file, from, to) }
	say := func(id, from, to string) output { return right[id].saying(t, from, to) }
	for name, c := range map[string]struct {
		id       string
		output   output
		complain string
	}{
		"a picture that is a thumbnail":        {"population-2", right["population-2"].with("population.png", small), "too small to read"},
		"a meeting at another hour":            {"meeting-1", edit("meeting-1", "meeting.ics", "T160000Z", "T150000Z"), "begins at 15:00"},
		"a meeting in local time":              {"meeting-1", edit("meeting-1", "meeting.ics", "DTSTART:20270301T160000Z", "DTSTART;TZID=Asia/Shanghai:20270301T160000"), "no DTSTART in UTC"},
		"a meeting the day after tomorrow":     {"meeting-1", edit("meeting-1", "meeting.ics", "DTSTAMP:20270228", "DTSTAMP:20270227"), "not on the day after"},
		"a meeting of two hours":               {"meeting-1", edit("meeting-1", "meeting.ics", "T170000Z", "T180000Z"), "does not last one hour"},
		"a meeting at a stand-in":              {"meeting-1", edit("meeting-1", "invitation.md", "meet.ffmuc.net", "meet.example.com"), "no https address"},
		"an invitation to another meeting":     {"meeting-1", edit("meeting-1", "invitation.md", "Meeting ID:** work-meeting-7q2x9d", "Meeting ID:** 777 888 999"), "the meeting's ID"},
		"people of another country":            {"population-1", peopled(right["population-1"].files["population.png"], 1e6, map[int]float64{1960: 93, 1970: 104, 1980: 117, 1990: 124, 2000: 127, 2010: 128, 2020: 126}), "which no source gives"},
		"people with one figure made up":       {"population-1", edit("population-1", "population.csv", "98705", "88705"), "88705 for 1980"},
		"people that stop early":               {"population-2", edit("population-2", "population.csv", "2020,126150000\n", ""), "2020"},
		"people without a source":              {"population-1", say("population-1", "https://population.un.org/wpp/", "the UN"), "no address"},
		"a volatility of other prices":         {"volatility-1", output{right["volatility-2"].answer, right["volatility-1"].files}, "annualised volatility"},
		"prices that are random":               {"volatility-2", priced(right["volatility-2"].files["prices.png"], 1, map[string]float64{"2021-11-20": 4400, "2026-11-20": 3100}), "when the price was near"},
		"prices of two years":                  {"volatility-1", right["volatility-1"].with("prices.csv", sinceLine(right["volatility-1"].files["prices.csv"], 150)), "less than five years"},
		"trends with a stand-in":               {"trending-1", edit("trending-1", "trending.csv", "#Nobel", "Keyword 10"), "stand-ins"},
		"trends out of order":                  {"trending-1", edit("trending-1", "trending.csv", "2000000", "20"), "does not begin with the largest"},
		"nineteen trends":                      {"trending-1", edit("trending-1", "trending.csv", "20,#Derailment,100000\n", ""), "19 rows"},
		"Chinese trends in English":            {"trending-2", right["trending-1"], "original Chinese"},
		"a share that cannot be":               {"regression-1", fitted(t, right["regression-1"].files["scatter.png"], 0.165, "https://x.org"), "a share that no source gives"},
		"a fit that is not of least squares":   {"regression-2", edit("regression-2", "fit.json", `"slope":0.1`, `"slope":0.2`), "another slope"},
		"a fit whose R squared is r":           {"regression-1", edit("regression-1", "fit.json", `"r_squared":0.9`, `"r_squared":0.8`), "another r_squared"},
		"a game without keyboard":              {"game-2", right["game-2"].with("snake.py", strings.ReplaceAll(right["game-2"].files["snake.py"], "curses", "nothing")), "reads no keyboard"},
		"a snake that turns on the spot":       {"game-2", edit("game-2", "snake.py", "if (-dx, -dy) != self.way:", "if True:"), "turning straight back"},
		"a snake that walks through itself":    {"game-2", edit("game-2", "snake.py", " or (x, y) in body", ""), "biting its own body"},
		"a snake that walks through walls":     {"game-2", edit("game-2", "snake.py", "not (0 <= x < self.width and 0 <= y < self.height) or ", ""), "leaves the field"},
		"a game that never ends":               {"game-2", edit("game-2", "snake.py", "import random", "import random\nwhile True: pass"), "does not come to an end"},
		"a game that ends at once":             {"game-2", edit("game-2", "snake.py", "import random", "import random, sys\nsys.exit(0)"), "without a word"},
		"full rows that stay":                  {"game-1", edit("game-1", "tetris.py", "if not all(row)", ""), "a full row does not vanish"},
		"full rows without a score":            {"game-1", edit("game-1", "tetris.py", "(0, 100, 300", "(0, 0, 300"), "scores nothing"},
		"a piece that does not turn":           {"game-1", edit("game-1", "tetris.py", "(r0 + c - c0, c0 - r + r0)", "(r, c)"), "rotate() turns no piece"},
		"a recording of ten minutes":           {"sound-1", right["sound-1"].with("bedtime_meditation.mp3", someSound(600)), "lasts 10:00"},
		"a silent recording":                   {"sound-2", right["sound-2"].with("focus_music.mp3", silence(right["sound-2"].files["focus_music.mp3"])), "silence"},
		"a body without feet":                  {"sound-1", edit("sound-1", "bedtime_meditation.txt", "Your feet and every toe are warm.", ""), "from head to toe"},
		"two rounds of breathing":              {"sound-1", edit("sound-1", "bedtime_meditation.txt", "hold for seven", "wait for seven"), "less than three rounds"},
		"nothing in the middle":                {"sound-2", edit("sound-2", "focus_music.txt", "[07:45]", "[14:45]"), "in the middle"},
		"a length that is not the recording's": {"sound-1", say("sound-1", "16:40", "19:40"), "does not give the length"},
		"another song":                         {"recording-1", say("recording-1", "1989 (Deluxe)", "Red"), "the album"},
		"an album that only the address names": {"recording-1", say("recording-1", "Album: 1989 (Deluxe). Length: 3:39. Page: https://y.qq.com/", "Length: 3:39. Page: https://y.qq.com/1989/"), "the album"},
		"another length":                       {"recording-2", say("recording-2", "53 seconds", "23 seconds"), "length"},
		"a plan above the budget":              {"trip-1", edit("trip-1", "itinerary.json", `"cost_usd":30`, `"cost_usd":70`), "add up to 107.5"},
		"a plan that is too far":               {"trip-1", right["trip-1"].with("itinerary.json", strings.NewReplacer(`"travel_minutes":35`, `"travel_minutes":95`, `:180`, `:360`).Replace(right["trip-1"].files["itinerary.json"])), "take 360 minutes"},
		"a day without culture":                {"trip-1", edit("trip-1", "itinerary.json", `"culture"`, `"food"`), "day 1 has no stop of the kind culture"},
		"a plan that costs nothing":            {"trip-2", right["trip-2"].with("itinerary.json", strings.NewReplacer("12.5", "0", "30", "0", "67.5", "0").Replace(right["trip-2"].files["itinerary.json"])), "costs 0 dollars"},
		"a plan of nowhere":                    {"trip-2", right["trip-1"].with("itinerary.json", strings.NewReplacer("culture", "museum", "anime", "landmark").Replace(right["trip-1"].files["itinerary.json"])), "known places of Paris"},
		"a correlation that is made up":        {"correlation-2", edit("correlation-2", "correlation.json", `"overall":0.`, `"overall":-0.`), "another overall coefficient"},
		"a country's that is made up":          {"correlation-1", edit("correlation-1", "correlation.json", `"India":-0.9`, `"India":-0.5`), "another coefficient for India"},
		"a life of 200 years":                  {"correlation-2", edit("correlation-2", "data.csv", "Germany,2010,20000.000000,70", "Germany,2010,20000.000000,200"), "which cannot be"},
		"four countries":                       {"correlation-1", right["correlation-1"].with("data.csv", strings.ReplaceAll(right["correlation-1"].files["data.csv"], "Japan,20", "Japan,nn")), "is no year"},
		"another strongest country":            {"correlation-1", say("correlation-1", "Germany", "Chile"), "strongest"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said := checkPaper(t, rt, paperTaskNamed(t, c.id), c.output)
			require.NotEmpty(t, said, "it passes")
			require.Contains(t, said, c.complain)
		})
	}
}

func TestTheChecksOfThePaperTakeARightOutputInOtherForms(t *testing.T) {
	rt, right := pyruntimetest.New(t, sandbox.Confined), rightOutputs(t)
	edit := func(id, file, from, to string) output { return right[id].edited(t, file, from, to) }
	say := func(id, from, to string) output { return right[id].saying(t, from, to) }
	for name, c := range map[string]struct {
		id     string
		output output
	}{
		"the time zone by its name":           {"meeting-1", edit("meeting-1", "meeting.ics", "DTSTART:20270301T160000Z", "DTSTART;TZID=Etc/UTC:20270301T160000")},
		"a duration in place of an end":       {"meeting-1", edit("meeting-1", "meeting.ics", "DTEND:20270301T170000Z", "DURATION:PT1H")},
		"a meeting whose ID is a number":      {"meeting-2", edit("meeting-2", "invitation.md", "- **Meeting ID:** work-meeting-7q2x9d", "Meeting ID: 123-456-789").saying(t, "Meeting ID: work-meeting-7q2x9d", "ID 123 456 789")},
		"people in millions":                  {"population-1", peopled(right["population-1"].files["population.png"], 1e6, map[int]float64{1950: 544, 1960: 654, 1970: 823, 1980: 982, 1990: 1153, 2000: 1264, 2010: 1348, 2020: 1426})},
		"prices with a currency and a time":   {"volatility-1", edit("volatility-1", "prices.csv", "2021-11-20,", "2021-11-20T00:00:00Z,$")},
		"R squared in percent":                {"regression-1", output{"y = 0.04 x; R squared 99.6 %, see data.worldbank.org", right["regression-1"].files}},
		"a table with a byte order mark":      {"trending-1", edit("trending-1", "trending.csv", "rank,keyword,count", "\ufeffRank, Keyword ,Count")},
		"a length in words":                   {"recording-1", say("recording-1", "3:39", "219 seconds")},
		"travel in minutes":                   {"trip-1", say("trip-1", "3 hours of travel", "180 minutes on the way")},
		"travel in hours and minutes":         {"trip-2", say("trip-2", "3 hours of travel", "travel 3h 0m")},
		"a length as the task's range has it": {"sound-2", say("sound-2", "15.5 minutes", "about 15 min 30 s")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Empty(t, checkPaper(t, rt, paperTaskNamed(t, c.id), c.output))
		})
	}
}

func paperTaskNamed(t *testing.T, id string) paperTask {
	t.Helper()
	for _, task := range paperTasksOfBoth(t) {
		if task.ID == id {
			return task
		}
	}
	require.Fail(t, "no task "+id)
	return paperTask{}
}

// sinceLine keeps the head of a table and what follows the first n rows.
func sinceLine(table string, n int) string {
	lines := strings.SplitAfter(table, "\n")
	return lines[0] + strings.Join(lines[n+1:], "")
}

// silence keeps the headers of the frames of someSound and empties them.
func silence(sound string) string {
	head, frames, _ := strings.Cut(sound, "\xff\xf3\x10\xc4")
	size := strings.Index(frames, "\xff\xf3\x10\xc4")
	return head + strings.Repeat("\xff\xf3\x10\xc4"+strings.Repeat("\x00", size), strings.Count(sound, "\xff\xf3\x10\xc4"))
}
