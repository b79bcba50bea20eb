package offlinesite

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"strconv"
	"strings"
)

//go:embed fixtures/*.json
var fixtures embed.FS

//go:embed templates/*.html
var templates embed.FS

// Handler serves the hosts below [Domain], by the Host of a request. Other hosts and unknown pages are 404, methods other
// than GET and HEAD 405.
func Handler() http.Handler {
	hosts := map[string]http.Handler{"shop." + Domain: newShop(), "library." + Domain: newLibrary()}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		at, known := hosts[strings.TrimSuffix(strings.ToLower(host), ".")]
		switch {
		case !known:
			http.Error(w, "there is no such host; there are shop."+Domain+" and library."+Domain, http.StatusNotFound)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "this site is only read", http.StatusMethodNotAllowed)
		default:
			at.ServeHTTP(w, r)
		}
	})
}

// load reads a fixture; one that is broken is a mistake of the build.
func load(name string, into any) {
	data, err := fixtures.ReadFile("fixtures/" + name)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		panic(fmt.Sprintf("fixture %s: %v", name, err))
	}
}

// pages are the templates of one host: layout.html around each of the others.
func pages(host string) func(w http.ResponseWriter, page string, data any) {
	functions := template.FuncMap{"euro": euro, "clock": clock, "host": func() string { return host }}
	layout := template.Must(template.New("layout.html").Funcs(functions).ParseFS(templates, "templates/layout.html"))
	return func(w http.ResponseWriter, page string, data any) {
		t := template.Must(template.Must(layout.Clone()).ParseFS(templates, "templates/"+page))
		var b bytes.Buffer
		if err := t.Execute(&b, data); err != nil {
			http.Error(w, "the page cannot be made: "+err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(b.Bytes()) // whoever has gone does not want it
	}
}

// euro is a price as the shop writes it.
func euro(cents int) string { return fmt.Sprintf("%d.%02d EUR", cents/100, cents%100) }

// clock is a time of the day, of minutes after midnight.
func clock(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }

// perPage is how many results a page shows.
const perPage = 6

// part is one page of a list of results.
type part[T any] struct {
	Query        string // of the form
	Results      []T
	Total        int
	Page, Pages  int
	Before, Next string // links to the neighbours, empty at the ends
}

// paged takes the page out of a list that the request asks for; a number that is none is the first, one beyond the end the last.
func paged[T any](r *http.Request, query string, all []T) part[T] {
	pages := max(1, (len(all)+perPage-1)/perPage)
	n, err := strconv.Atoi(r.URL.Query().Get("page"))
	if err != nil {
		n = 1
	}
	n = min(max(n, 1), pages)
	p := part[T]{Query: query, Results: all[(n-1)*perPage : min(n*perPage, len(all))], Total: len(all), Page: n, Pages: pages}
	link := func(n int) string {
		q := r.URL.Query()
		q.Set("page", strconv.Itoa(n))
		return r.URL.Path + "?" + q.Encode()
	}
	if n > 1 {
		p.Before = link(n - 1)
	}
	if n < pages {
		p.Next = link(n + 1)
	}
	return p
}
