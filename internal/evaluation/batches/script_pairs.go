package batches

import (
	"embed"
	"strings"
)

//go:embed reference/*.py
var references embed.FS

// pair is a task of the first batch and its counterpart in the second, with what the scripted model does about them. Its
// name is that of the check, of the reference solution and of the skill.
type pair struct {
	name        string
	tools       []string // tool skills that the solution imports
	description string   // of the skill
	queries     [2]string
	look        string // what a program without a library looks at first: a file of the first and of the second task
	draft       edit   // what is wrong in the first version that is written, shown by its first run
	narrow      edit   // what the version that the first task leaves cannot do, shown by the second task
	anew        string // name of the skill that is built for the second task because the saved one is overlooked
	worked      string // of the lesson
	failed      string
}

// edit is a mistake in a solution: in place of right stands wrong, and what a run then says has the sign.
type edit struct{ right, wrong, sign, why string }

func (e edit) made() bool { return e.right != "" }

// in is the code with the mistake.
func (e edit) in(code string) string {
	if e.made() && strings.Count(code, e.right) != 1 {
		panic("the mistake does not fit the code: " + e.right) // a mistake in this file
	}
	return strings.Replace(code, e.right, e.wrong, 1)
}

func (p pair) file() string { return strings.ReplaceAll(p.name, "-", "_") + ".py" }

// check is the check script of the pair, which is also what the scripted model writes as a test of its output.
func (p pair) check() string {
	code, err := offlineFiles.ReadFile("offline/checks/" + p.name + ".py")
	if err != nil {
		panic(err) // a mistake in this package
	}
	return string(code)
}

// solution is the reference solution, which is also where the scripted model ends.
func (p pair) solution() string {
	code, err := references.ReadFile("reference/" + p.name + ".py")
	if err != nil {
		panic(err) // a mistake in this package
	}
	return string(code)
}

var pairs = []pair{
	{
		name:        "shop-search",
		description: "Searches a web shop, reads the page of every article found, and picks the cheapest or dearest one that is in stock and rated well enough.",
		queries: [2]string{
			`{"site": "http://shop.offline.test/", "word": "lamp", "min_rating": 4.0, "pick": "cheapest"}`,
			`{"site": "http://shop.offline.test/", "word": "kettle", "min_rating": 3.5, "pick": "dearest"}`,
		},
		look: "http://shop.offline.test/search?q=lamp",
		draft: edit{
			right: `int(stock.group()) if stock else 0,`, wrong: `int(cells["Stock"].split()[0]),`, sign: "ValueError",
			why: "An article that is sold out has no number in its stock.",
		},
		worked: "Follow rel=next from page to page, read each article's own page for rating and stock, and compare at the end.",
		failed: "The stock is not always a number: it can say sold out.",
	},
	{
		name:        "library-author",
		description: "Sums up the books of an author in a library's web catalogue: count, pages, first or last book, and how many are in a language.",
		queries: [2]string{
			`{"site": "http://library.offline.test/", "author": "Ada Winter", "pick": "first", "language": "English"}`,
			`{"site": "http://library.offline.test/", "author": "Jonas Falk", "pick": "last", "language": "German"}`,
		},
		draft: edit{
			right: `return {**book, "Year": int(book["Year"]), "Pages": int(book["Pages"])}`, wrong: `return dict(book)`, sign: "TypeError",
			why: "What is read from a page is text: years and pages have to become numbers.",
		},
		worked: "Search by author, follow rel=next, read year, pages and language from the definition list of each book's page.",
		failed: "Values from a page are strings; convert them before adding.",
	},
	{
		name: "library-branches", tools: []string{"web_reading"},
		description: "Finds which branch of a library is open longest on given days, among those of a district with enough seats.",
		queries: [2]string{
			`{"page": "http://library.offline.test/branches", "district": "East", "min_seats": 20, "days": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]}`,
			`{"page": "http://library.offline.test/branches", "district": "West", "min_seats": 15, "days": ["Saturday", "Sunday"]}`,
		},
		look:   "http://library.offline.test/branches",
		worked: "web_reading gives tables as Markdown rows; the links in the first column lead to the opening hours, which may have two spans a day.",
	},
	{
		name: "warehouse", tools: []string{"browser_automation"},
		description: "Reads a table that a page fills by a script, pressing a button until all rows are shown, and adds up the weight of some goods.",
		queries: [2]string{
			`{"url": "http://shop.offline.test/warehouse/north", "goods": "tea", "more": "Show more"}`,
			`{"url": "http://shop.offline.test/warehouse/south", "goods": "ceramics", "more": "Show more"}`,
		},
		look:   "http://shop.offline.test/warehouse/north",
		worked: "Use browser_automation: press the button while find still sees it, then take the text of the table, whose cells are separated by tabs.",
		failed: "Fetching the page without a browser shows an empty table.",
	},
	{
		name: "configurator", tools: []string{"browser_automation"},
		description: "Chooses options in the lists of a configurator page with the browser and reads the totals it works out, with their difference.",
		queries: [2]string{
			`{"url": "http://shop.offline.test/configurator/bicycle", "configurations": {"A": {"Frame": "Steel", "Gears": "9 gears", "Lights": "Dynamo", "Colour": "Green"}, "B": {"Frame": "Aluminium", "Gears": "11 gears", "Lights": "Battery", "Colour": "Black"}}}`,
			`{"url": "http://shop.offline.test/configurator/desk", "configurations": {"A": {"Top": "Oak", "Width": "180 cm", "Legs": "Electric", "Drawer": "None"}, "B": {"Top": "Walnut", "Width": "160 cm", "Legs": "Crank", "Drawer": "Two"}, "C": {"Top": "Oak", "Width": "160 cm", "Legs": "Fixed", "Drawer": "One"}}}`,
		},
		worked: "browser_automation: one select action for each list, by its label and the option's name; then read the total from the text of the page.",
	},
	{
		name:        "revenue",
		description: "Joins a CSV file of sales with one of prices and writes the revenue of each group, highest first.",
		queries: [2]string{
			`{"sales": "orders.csv", "prices": "products.csv", "key": ["article", "article"], "amount": "quantity", "price": "unit_price", "group": "category", "skip": {"status": "returned"}, "report": "revenue.csv"}`,
			`{"sales": "tickets.csv", "prices": "concerts.csv", "key": ["concert", "concert_id"], "amount": "seats", "price": "price", "group": "hall", "skip": {"state": "cancelled"}, "report": "takings.csv"}`,
		},
		narrow: edit{
			right: `delimiter=max(",;\t", key=head.count)`, wrong: `delimiter=","`, sign: "KeyError",
			why: "These files are separated by semicolons. The skill has to find out which separator a file has.",
		},
		worked: "csv.DictReader and Decimal; a dictionary of the price table by its key.",
		failed: "Files may be separated by semicolons.",
	},
	{
		name:        "log-levels",
		description: "Counts the log entries of a level by component, in two notations and around stack traces, and finds the hour with the most.",
		queries: [2]string{
			`{"log": "shop.log", "level": "ERROR", "report": "errors.json"}`,
			`{"log": "press.log", "level": "WARN", "report": "warnings.json"}`,
		},
		look:   "shop.log press.log",
		worked: "One anchored regular expression for each notation; lines that match none are stack traces.",
		failed: "One notation alone leaves a third of the entries out.",
	},
	{
		name:        "monthly-chart",
		description: "Draws an SVG bar chart of monthly means or sums from a CSV file of daily values with gaps.",
		queries: [2]string{
			`{"csv": "temperatures.csv", "date": "%Y-%m-%d", "total": "mean", "digits": 2, "chart": "chart.svg", "width": 640, "height": 360}`,
			`{"csv": "rainfall.csv", "date": "%d.%m.%Y", "total": "sum", "digits": 1, "chart": "rain.svg", "width": 800, "height": 400}`,
		},
		look: "temperatures.csv rainfall.csv",
		narrow: edit{
			right: `float(value.replace(",", "."))`, wrong: `float(value)`, sign: "ZeroDivisionError",
			why: "No value was read: they have decimal commas. The skill has to take both.",
		},
		worked: "Write the SVG by hand: heights are value times one scale; a title element in each rect.",
		failed: "-999 and n/a are gaps, and numbers may have decimal commas.",
	},
	{
		name:        "action-items",
		description: "Collects action items (owner, task, due date) from all tables of a DOCX file into a sorted CSV list.",
		queries: [2]string{
			`{"document": "minutes.docx", "owner": "Owner", "task": "Task", "due": "Due", "list": "actions.csv"}`,
			`{"document": "review.docx", "owner": "Responsible", "task": "Action", "due": "Deadline", "date": "%d.%m.%Y", "list": "todo.csv"}`,
		},
		look: "minutes.docx review.docx",
		narrow: edit{
			right: `datetime.datetime.strptime(cells[want["due"]], want.get("date", "%Y-%m-%d")).date().isoformat()`, wrong: `cells[want["due"]]`,
			sign: `/(?m)^answer: .* on \d\d\.\d\d\.\d{4}/`,
			why:  "The dates are copied as they stand, and sorted as texts. They have to be read in the form that query gives.",
		},
		worked: "A DOCX file is a zip; word/document.xml has w:tbl, w:tr, w:tc, and a cell's text is split over several w:t.",
		failed: "Sorting dates as text is wrong unless they are in ISO form.",
	},
	{
		name:        "book-name",
		description: "Counts how often a name occurs in each chapter of an EPUB book, in reading order, with its first appearance and the longest chapter.",
		queries: [2]string{
			`{"book": "harbour.epub", "name": "Marta", "report": "names.json"}`,
			`{"book": "orchard.epub", "name": "Elias", "report": "elias.json"}`,
		},
		look:   "harbour.epub orchard.epub",
		anew:   "epub-name-count",
		worked: "The reading order is the spine of the OPF file that META-INF/container.xml names; match whole words with \\b.",
	},
	{
		name:        "mail-orders",
		description: "Adds up what the mails of an mbox file order, without cancelled ones, by article.",
		queries: [2]string{
			`{"mailbox": "orders.mbox", "report": "totals.json"}`,
			`{"mailbox": "bookings.mbox", "report": "boats.json"}`,
		},
		look: "orders.mbox bookings.mbox",
		draft: edit{
			right: `mail.get_body(("plain",)).get_content()`, wrong: `mail.get_content()`, sign: "KeyError",
			why: "Some mails have several parts: the plain text one is wanted.",
		},
		worked: "email with policy.default, get_body(('plain',)) decodes every transfer encoding.",
		failed: "get_content fails for mails of several parts.",
	},
	{
		name:        "morse",
		description: "Decodes Morse code from a WAV recording (8 bit, mono) of any speed and pitch.",
		queries: [2]string{
			`{"recording": "beacon.wav", "text": ""}`,
			`{"recording": "lighthouse.wav", "text": "message.txt"}`,
		},
		look:   "beacon.wav lighthouse.wav",
		worked: "Mean loudness in windows of 5 ms against half of the maximum; the shortest loud run is a dot, the rest are multiples of it.",
	},
	{
		name:        "telephone-keys",
		description: "Recognises DTMF telephone keys in a WAV recording (8 bit, mono), in groups by pauses.",
		queries: [2]string{
			`{"recording": "dial.wav", "pause": 0.5}`,
			`{"recording": "doorbell.wav", "pause": 0.5}`,
		},
		worked: "The Goertzel algorithm at the eight frequencies, in windows of 20 ms; silence between two keys is short, between groups long.",
	},
	{
		name:        "calendar-day",
		description: "Finds overlapping events and the first free time on a day of an ICS calendar, with weekly, cancelled and zoned events.",
		queries: [2]string{
			`{"calendar": "team.ics", "day": "2026-06-09", "from": "09:00", "to": "17:00", "minutes": 45}`,
			`{"calendar": "rooms.ics", "day": "2026-09-16", "from": "08:00", "to": "20:00", "minutes": 60}`,
		},
		look: "team.ics rooms.ics",
		draft: edit{
			right: `strptime(value.rstrip("Z"), "%Y%m%dT%H%M%S")`, wrong: `strptime(value, "%Y%m%dT%H%M%SZ")`, sign: "ValueError",
			why: "Times with a TZID do not end in Z.",
		},
		worked: "Unfold lines first; take offsets from VTIMEZONE, repeat weekly events, leave out cancelled ones.",
		failed: "Times with a TZID have no Z at the end.",
	},
	{
		name:        "journey",
		description: "Finds the journey that arrives first in a JSON timetable, with time for changes, and its fare.",
		queries: [2]string{
			`{"timetable": "ferries.json", "from": "Arnholm", "to": "Gamla", "earliest": "08:00", "change": 15}`,
			`{"timetable": "trains.json", "from": "Adlersee", "to": "Kamp", "earliest": "07:10", "change": 8}`,
		},
		worked: "Dijkstra's algorithm by time of arrival; the time for changing is added to each arrival.",
	},
}

// misses are tasks that the scripted model gets wrong, as models do, by the method whose model it stands for.
var misses = map[string]edit{
	// A program that overlooks one of the two notations.
	"react/log-levels-1":   {right: "    found = BRACKETED.match(line)\n", wrong: "    found = None\n"},
	"textual/log-levels-1": {right: "    found = BRACKETED.match(line)\n", wrong: "    found = None\n"},
	// Times of another zone taken for UTC.
	"react/calendar-day-2": {right: "zones[zone.group(1)] if zone else UTC", wrong: "UTC"},
	// An answer that leaves out half of what was asked.
	"agentfactory/journey-2": {right: "(.*)", wrong: "(.*?), fare"},
}
