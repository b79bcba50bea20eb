package search

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// library is what a library looks like after fifteen tasks of the kind that the AgentFactory paper evaluates with.
var library = map[string]string{
	"public-sentiment-report":         "Analyses how public opinion on a topic changed over time from online discussions and writes a report with a trend chart.",
	"course-lecture-finder":           "Finds the homepage of a university course, its syllabus or lecture list, and returns topics and links of the first lectures as Markdown.",
	"online-meeting-booker":           "Books an online meeting for a given time and topic by browser automation and returns meeting ID and link.",
	"population-history-plot":         "Searches historical population figures of a country and plots the population curve with matplotlib.",
	"crypto-price-volatility":         "Fetches the price history of a cryptocurrency, plots the trend and calculates annualized volatility.",
	"trending-topics-chart":           "Collects trending keywords of a social media platform and draws the top entries as a bar chart.",
	"expenditure-gdp-regression":      "Searches government expenditure and GDP data of a country, draws a scatter chart and fits a regression line.",
	"arcade-game-writer":              "Writes a small arcade game in Python with keyboard controls and scoring.",
	"encyclopedia-concept-summary":    "Opens the Wikipedia page of a concept, extracts its definition and summarises the main ideas in Markdown.",
	"github-organization-lister":      "Reads the GitHub page of an organization: its description and main repositories.",
	"model-architecture-survey":       "Looks up a model leaderboard or collection on HuggingFace and summarises the most common architectures.",
	"relaxation-audio-maker":          "Generates a long spoken audio file with ambient background sounds by text-to-speech, such as a guided meditation.",
	"audio-transcriber":               "Transcribes audio files (mp3, wav) to text with Whisper; use it when a task or question is given as a recording.",
	"trip-planner":                    "Plans a trip to a city of several days within a budget: itinerary, costs and travel times.",
	"country-indicator-correlation":   "Downloads two indicators for several countries, analyses their correlation, plots it and summarises the findings.",
	"csv-summary":                     "Summarises CSV files: rows, columns, missing values, statistics of numeric columns.",
	"source-tree-report":              "Counts files and lines by language in a source tree and writes a Markdown report with a chart.",
	"pdf-text-extractor":              "Extracts text and tables from PDF documents.",
	"changelog-from-git-history":      "Reads the commits of a git repository between two tags and groups them into a changelog by kind: features, fixes, breaking changes. The query names the repository's path and both tags, for instance: changelog of ./app from v1.2 to v1.3. Merge commits are ignored; authors are credited with the number of their commits. Use it for release notes, summaries of what a team did in a sprint, and for answering who changed what.",
	"meeting-minutes-to-action-items": "Takes the minutes or transcript of a meeting and lists decisions and action items with owner and due date.",
}

// fitting are tasks with the skill that was made for such a task.
var fitting = []struct{ task, skill string }{
	{"Going by online discussions, how has what the public thinks of electric cars changed over time? Produce an analysis report with a trend chart, a discussion and a summary.", "public-sentiment-report"},
	{"Search for the homepage of MIT's introduction to deep learning, find its syllabus or list of lectures, and output topics and links of the first 5 lectures. Save the final results to a markdown file.", "course-lecture-finder"},
	{"Book a meeting for tomorrow at 7 PM with the topic 'Weekly'. The browser is logged in already. Afterwards output the invitation, the meeting ID and the meeting link.", "online-meeting-booker"},
	{"Please use Google to find Japan's population in the past, and plot how the population changed with matplotlib.", "population-history-plot"},
	{"Search for Ethereum's price over the past 5 years, plot the price trend with matplotlib and calculate the annualized volatility.", "crypto-price-volatility"},
	{"Search for trending topics on a Chinese social media platform and show the top 20 as a bar chart.", "trending-topics-chart"},
	{"Download healthcare expenditure and GDP of the US, plot both as a scatter chart and fit a regression line.", "expenditure-gdp-regression"},
	{"Please write Snake as a Python mini-game with keyboard controls and a score.", "arcade-game-writer"},
	{"Open Wikipedia, find the page on BERT (the language model), extract its definition, summarize the main ideas of its architecture, and save all of it to a markdown file.", "encyclopedia-concept-summary"},
	{"Go to GitHub, find the official organization page of Meta AI, and output the page's description with at least 5 of its main repositories.", "github-organization-lister"},
	{"Open HuggingFace, find a leaderboard of text-to-speech models and summarize the 3 most common model architectures.", "model-architecture-survey"},
	{"Make a background audio file that helps me focus: 15 to 20 minutes of ambient nature sounds with soft music at low volume and a calm voice from a text-to-speech tool with short prompts at the beginning. Save it as focus.mp3.", "relaxation-audio-maker"},
	{"Help me with the task that is described in /data/audio/task_02.mp3.", "audio-transcriber"},
	{"What does this recording say? interview.wav", "audio-transcriber"},
	{"Plan a 3-day trip to Paris with a total budget of $150: one museum a day, one historic landmark, less than 6 hours of travel. Output the daily itinerary, all costs and travel times.", "trip-planner"},
	{"Download GDP per capita and life expectancy for at least 5 countries, analyze the correlation between them, make a plot and summarize the findings.", "country-indicator-correlation"},
	{"Summarise the columns of sales.csv", "csv-summary"},
	{"Count the lines of code per language in this source tree and report them with a chart", "source-tree-report"},
	{"extract the tables from report.pdf", "pdf-text-extractor"},
	{"pdf to text", "pdf-text-extractor"},
	{"transcribe", "audio-transcriber"},
	{"Write release notes for ./shop from the commits between v2.0 and v2.1", "changelog-from-git-history"},
	{"Which action items came out of yesterday's meeting? The minutes are in minutes.md.", "meeting-minutes-to-action-items"},
}

// unrelated are tasks that the library has nothing for, though they share words with it.
var unrelated = []string{
	"Prove that the square root of two is irrational.",
	"Translate the attached contract from German into English and list the obligations of the tenant.",
	"Rename all photos in the folder by the date on which they were taken.",
	"Find a recipe for a vegan lasagne and write a shopping list.",
	"Solve the sudoku in puzzle.txt",
	"Compress the images in ./assets without visible loss and report how many bytes were saved.",
	"Send an e-mail to the customers who have not paid.",
	"Convert 20 miles to kilometres",
	"Set up a PostgreSQL database with a table of customers and insert ten rows of test data.",
	"Please search for the latest news and summarize the results. Save the final output to a file.",
	"Write a haiku about autumn",
	"Please write a Python function that checks whether a given string is a palindrome and save it to a file.",
	"Train a neural network on the MNIST data set and report its accuracy.",
	"Find the three cheapest laptops with 32 GB of memory and compare them in a table.",
	"hello",
	"日本語のタスク",
}

func documents(library map[string]string) []Document {
	var all []Document
	for name, description := range library {
		all = append(all, Document{ID: name, Name: name, Description: description})
	}
	return all
}

// foreign are n skills of other trades, to see that the table holds in a library of any size.
func foreign(n int) []Document {
	verbs := []string{"Reconciles", "Forecasts", "Classifies", "Simulates", "Schedules", "Calibrates", "Anonymises", "Merges", "Validates", "Ranks"}
	things := []string{"invoices", "genome variants", "freight routes", "turbine readings", "patient letters", "tax forms", "seismic traces",
		"crop yields", "insurance claims", "spectra", "parking permits", "payrolls", "weather stations", "warehouse stocks", "legal clauses",
		"aircraft parts", "soil samples", "voter rolls", "telescope frames", "museum loans"}
	ways := []string{"against the ledger", "with a Bayesian estimate", "by region", "for the night shift", "under the 2024 directive"}
	var all []Document
	for i := range n {
		verb, thing, way := verbs[i%10], things[i/10%20], ways[i/200%5]
		all = append(all, Document{ID: fmt.Sprint("foreign-", i), Name: fmt.Sprintf("%s-%s-%d", verb, thing, i),
			Description: fmt.Sprintf("%s %s %s; use it when %s have to be checked.", verb, thing, way, thing)})
	}
	return all
}

func indexed(documents ...[]Document) *Index {
	x := New()
	for _, d := range documents {
		x.Put(d...)
	}
	return x
}

func TestSearchFindsTheSkillThatWasMadeForTheTask(t *testing.T) {
	for _, others := range []int{0, 1000} {
		x := indexed(documents(library), foreign(others))
		for _, c := range fitting {
			hits := x.Search(Query{Text: c.task}, 5)
			require.NotEmpty(t, hits, c.task)
			require.Equal(t, c.skill, hits[0].ID, c.task)
			require.LessOrEqual(t, len(hits), 3, "few skills fit a task: %s: %v", c.task, hits)
		}
	}
}

func TestSearchFindsNothingForAnUnrelatedTask(t *testing.T) {
	for _, others := range []int{0, 1000} {
		x := indexed(documents(library), foreign(others))
		for _, task := range unrelated {
			require.Empty(t, x.Search(Query{Text: task}, 0), task)
		}
	}
}

func TestSearchWorksWithOneDocument(t *testing.T) {
	x := indexed([]Document{{ID: "csv-summary", Name: "csv-summary", Description: library["csv-summary"]}})
	require.Len(t, x.Search(Query{Text: "Summarise the columns of sales.csv"}, 0), 1)
	require.Empty(t, x.Search(Query{Text: "Write a haiku about autumn"}, 0))
}

func FuzzSearch(f *testing.F) {
	x := indexed(documents(library))
	for _, c := range fitting {
		f.Add(c.task)
	}
	f.Add("\x00\xff" + strings.Repeat("-", 100))
	f.Fuzz(func(t *testing.T, query string) {
		for _, m := range x.Search(Query{Text: query}, 0) {
			require.GreaterOrEqual(t, m.Fit, LeastFit)
			require.LessOrEqual(t, m.Fit, 1.0)
		}
	})
}
