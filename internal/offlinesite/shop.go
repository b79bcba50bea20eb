package offlinesite

import (
	"encoding/csv"
	"net/http"
	"slices"
	"strings"
)

type article struct {
	Number string  `json:"number"`
	Name   string  `json:"name"`
	Cents  int     `json:"price_cents"`
	Rating float64 `json:"rating"`
	Stock  int     `json:"stock"`
}

type pallet struct {
	Pallet string `json:"pallet"`
	Goods  string `json:"goods"`
	Kg     int    `json:"kg"`
}

type shop struct {
	Articles   []article           `json:"articles"`
	Warehouses map[string][]pallet `json:"warehouses"`

	show func(w http.ResponseWriter, page string, data any)
}

func newShop() http.Handler {
	s := &shop{show: pages("shop")}
	load("shop.json", s)
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) { s.show(w, "shop.html", nil) })
	mux.HandleFunc("/search", s.search)
	mux.HandleFunc("/article/{number}", s.article)
	mux.HandleFunc("/warehouse/{place}", s.warehouse)
	mux.HandleFunc("/configurator/{product}", s.configurator)
	mux.HandleFunc("/downloads/price-list.csv", s.priceList)
	return mux
}

// search shows the articles whose names hold the text, without their ratings and stocks: those are on the articles' pages.
func (s *shop) search(w http.ResponseWriter, r *http.Request) {
	text := strings.TrimSpace(r.URL.Query().Get("q"))
	found := []article{}
	for _, a := range s.Articles {
		if text != "" && strings.Contains(strings.ToLower(a.Name), strings.ToLower(text)) {
			found = append(found, a)
		}
	}
	s.show(w, "results.html", paged(r, text, found))
}

func (s *shop) article(w http.ResponseWriter, r *http.Request) {
	i := slices.IndexFunc(s.Articles, func(a article) bool { return a.Number == r.PathValue("number") })
	if i < 0 {
		http.NotFound(w, r)
		return
	}
	s.show(w, "article.html", s.Articles[i])
}

// warehouse lists pallets by a script, ten more with each press of a button.
func (s *shop) warehouse(w http.ResponseWriter, r *http.Request) {
	pallets, known := s.Warehouses[r.PathValue("place")]
	if !known {
		http.NotFound(w, r)
		return
	}
	s.show(w, "warehouse.html", map[string]any{"Place": r.PathValue("place"), "Packed": packed(pallets)})
}

// packed hides what a script unpacks: a page that is read without running it shows no pallet.
func packed(pallets []pallet) []int {
	var numbers []int
	for _, p := range pallets {
		for _, c := range []byte(p.Pallet + " " + p.Goods + " ") {
			numbers = append(numbers, int(c)^len(numbers)%97)
		}
		numbers = append(numbers, p.Kg+1000)
	}
	return numbers
}

// choice is one list of a configurator: cents that each option adds, in the order of the page.
type choice struct {
	Label   string
	Options []option
}

type option struct {
	Name  string
	Cents int
}

// configured are products whose price a script adds up, with a discount that depends on two choices together.
var configured = map[string]struct {
	Base     int // cents
	Choices  []choice
	Together [2]string // options that cost less together
	Discount int       // percent
}{
	"bicycle": {Base: 38900, Discount: 12, Together: [2]string{"Steel", "9 gears"}, Choices: []choice{
		{"Frame", []option{{"Aluminium", 0}, {"Steel", 6400}, {"Titanium", 91000}}},
		{"Gears", []option{{"1 gear", 0}, {"9 gears", 12350}, {"11 gears", 23990}}},
		{"Lights", []option{{"None", 0}, {"Battery", 2790}, {"Dynamo", 9860}}},
		{"Colour", []option{{"Black", 0}, {"Green", 1500}, {"Red", 1900}}},
	}},
	"desk": {Base: 21900, Discount: 15, Together: [2]string{"Oak", "180 cm"}, Choices: []choice{
		{"Top", []option{{"Birch", 0}, {"Oak", 11500}, {"Walnut", 24750}}},
		{"Width", []option{{"120 cm", 0}, {"160 cm", 4980}, {"180 cm", 7760}}},
		{"Legs", []option{{"Fixed", 0}, {"Crank", 9930}, {"Electric", 21480}}},
		{"Drawer", []option{{"None", 0}, {"One", 3990}, {"Two", 6890}}},
	}},
}

func (s *shop) configurator(w http.ResponseWriter, r *http.Request) {
	product, known := configured[r.PathValue("product")]
	if !known {
		http.NotFound(w, r)
		return
	}
	s.show(w, "configurator.html", map[string]any{"Name": r.PathValue("product"), "Product": product})
}

// priceList is what the shop sells, to be downloaded.
func (s *shop) priceList(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="price-list.csv"`)
	rows := [][]string{{"number", "name", "price"}}
	for _, a := range s.Articles {
		rows = append(rows, []string{a.Number, a.Name, strings.TrimSuffix(euro(a.Cents), " EUR")})
	}
	_ = csv.NewWriter(w).WriteAll(rows) // whoever has gone does not want it
}
