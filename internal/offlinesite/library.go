package offlinesite

import (
	"net/http"
	"slices"
	"strings"
)

type book struct {
	ID       string `json:"id"`
	Title    string `json:"title"`
	Author   string `json:"author"`
	Year     int    `json:"year"`
	Pages    int    `json:"pages"`
	Language string `json:"language"`
}

type branch struct {
	Slug     string              `json:"slug"`
	Name     string              `json:"name"`
	District string              `json:"district"`
	Seats    int                 `json:"seats"`
	Visitors int                 `json:"visitors"`
	Hours    map[string][][2]int `json:"hours"` // by the day's name: from and to, in minutes after midnight
}

type library struct {
	Books    []book   `json:"books"`
	Branches []branch `json:"branches"`

	show func(w http.ResponseWriter, page string, data any)
}

func newLibrary() http.Handler {
	l := &library{show: pages("library")}
	load("library.json", l)
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) { l.show(w, "library.html", nil) })
	mux.HandleFunc("/catalogue", l.catalogue)
	mux.HandleFunc("/book/{id}", l.book)
	mux.HandleFunc("/branches", func(w http.ResponseWriter, _ *http.Request) { l.show(w, "branches.html", l.Branches) })
	mux.HandleFunc("/branch/{slug}", l.branch)
	return mux
}

// catalogue shows the books whose author holds the text; all of them for an empty one.
func (l *library) catalogue(w http.ResponseWriter, r *http.Request) {
	text := strings.TrimSpace(r.URL.Query().Get("author"))
	found := []book{}
	for _, b := range l.Books {
		if strings.Contains(strings.ToLower(b.Author), strings.ToLower(text)) {
			found = append(found, b)
		}
	}
	l.show(w, "catalogue.html", paged(r, text, found))
}

func (l *library) book(w http.ResponseWriter, r *http.Request) {
	i := slices.IndexFunc(l.Books, func(b book) bool { return b.ID == r.PathValue("id") })
	if i < 0 {
		http.NotFound(w, r)
		return
	}
	l.show(w, "book.html", l.Books[i])
}

var days = []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}

func (l *library) branch(w http.ResponseWriter, r *http.Request) {
	i := slices.IndexFunc(l.Branches, func(b branch) bool { return b.Slug == r.PathValue("slug") })
	if i < 0 {
		http.NotFound(w, r)
		return
	}
	l.show(w, "branch.html", map[string]any{"Branch": l.Branches[i], "Days": days})
}
