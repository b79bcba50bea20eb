package evaluation

import (
	"bytes"
	"fmt"
	"html"
	"html/template"
	"image/color"
	"math"
	"regexp"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Charts are drawn by gonum/plot, because it writes text as text, has error bars, and needs no script. Its colours are
// stand-ins, for each of which the SVG gets a CSS variable: one picture serves light, dark and print.

// The size of a chart in its own units, of which a phone shows about nine in ten as a pixel, and a desk twelve in ten.
const chartWidth, chartHeight, chartFont = 380, 236, 12

// series is what one method contributes to a chart.
type series struct {
	name      string
	values    []float64
	intervals []*Interval // of bars; nil: none
}

// standIn is a colour of a chart; each has a variable in the page's style.
func standIn(n int) color.Color { return color.RGBA{R: 1, G: 2, B: uint8(n), A: 255} }

var inkColour, gridColour = standIn(100), standIn(101)

// methodColours is how many colours there are; further methods begin anew, told apart by glyphs, dashes and order.
const methodColours = 6

func methodColour(i int) color.Color { return standIn(i % methodColours) }

var standIns = regexp.MustCompile(`#0102([0-9A-Fa-f]{2})`)

func cssColour(hex string) string {
	var n int
	fmt.Sscanf(hex, "#0102%x", &n)
	switch n {
	case 100:
		return "var(--ink)"
	case 101:
		return "var(--grid)"
	}
	return fmt.Sprintf("var(--m%d)", n)
}

// barChart draws groups of bars, one of each series in each group, with error bars and the value above. Its axis reaches
// to 1 at least, which is all of a share.
func barChart(title string, groups []string, all []series, in unit) template.HTML {
	p, top := newPlot(in), 1.0
	room := vg.Length(chartWidth-50) / vg.Length(max(1, len(groups)))
	width := min(room*0.88/vg.Length(max(1, len(all))), 46)
	for i, s := range all {
		offset := width * (vg.Length(i) - vg.Length(len(all)-1)/2)
		top = max(top, addBars(p, i, s, offset, width, in))
	}
	p.Y.Max = top * 1.12
	p.X.Min, p.X.Max = -0.5, float64(len(groups))-0.5
	p.NominalX(shortened(groups, int(room/5.5))...)
	p.X.Width, p.X.Tick.Length, p.X.Padding = 0, 0, 5
	return svg(p, title)
}

// shortened cuts labels to what fits under a group.
func shortened(labels []string, runes int) []string {
	out := make([]string, len(labels))
	for i, l := range labels {
		if r := []rune(l); len(r) > max(4, runes) {
			l = string(r[:max(3, runes-1)]) + "…"
		}
		out[i] = l
	}
	return out
}

func addBars(p *plot.Plot, i int, s series, offset, width vg.Length, in unit) (top float64) {
	bars, err := plotter.NewBarChart(plotter.Values(s.values), width*0.9)
	if err != nil {
		panic(fmt.Sprintf("chart of %s: %v", s.name, err)) // values are finite and widths positive
	}
	bars.Color, bars.Offset, bars.LineStyle.Width = methodColour(i), offset, 0
	p.Add(bars)
	for x, v := range s.values {
		label := v
		if e := s.intervals[x]; e != nil {
			p.Add(whisker{x: float64(x), low: max(0, e.Low), high: e.High, offset: offset})
			label = e.High
		}
		top = max(top, label)
		if text := in.text(v); width > 5.3*vg.Length(len([]rune(text))) {
			p.Add(caption{x: float64(x), y: label, offset: offset, text: text})
		}
	}
	return top
}

// whisker draws an interval over a bar; the error bars of gonum/plot know no offset in a group.
type whisker struct {
	x, low, high float64
	offset       vg.Length
}

func (w whisker) Plot(c draw.Canvas, p *plot.Plot) {
	toX, toY := p.Transforms(&c)
	x, low, high := toX(w.x)+w.offset, toY(w.low), toY(w.high)
	line := draw.LineStyle{Color: inkColour, Width: 1}
	for _, at := range []vg.Length{low, high} {
		c.StrokeLine2(line, x-3, at, x+3, at)
	}
	c.StrokeLine2(line, x, low, x, high)
}

// caption writes the value of a bar above it.
type caption struct {
	x, y   float64
	offset vg.Length
	text   string
}

func (l caption) Plot(c draw.Canvas, p *plot.Plot) {
	toX, toY := p.Transforms(&c)
	style := p.X.Tick.Label
	style.Font.Size, style.XAlign, style.YAlign = chartFont-2, draw.XCenter, draw.YBottom
	c.FillText(style, vg.Point{X: toX(l.x) + l.offset, Y: toY(l.y) + 2}, l.text)
}

// lineChart draws one line per series over whole numbers from 1, which label writes; top is the least that the axis reaches
// up to.
func lineChart(title string, label func(float64) string, numbers [][]float64, all []series, top float64, in unit) template.HTML {
	p, last := newPlot(in), 2.0
	for i, s := range all {
		points := make(plotter.XYs, len(s.values))
		for j, v := range s.values {
			points[j] = plotter.XY{X: numbers[i][j], Y: v}
			top, last = max(top, v), max(last, numbers[i][j])
		}
		addLine(p, i, s.name, points)
	}
	p.X.Min, p.X.Max, p.Y.Max = 1, last, top*1.04
	p.X.Tick.Marker = plot.TickerFunc(func(low, high float64) []plot.Tick { return niceTicks(low, high, 6, unit{label, true}) })
	return svg(p, title)
}

func addLine(p *plot.Plot, i int, name string, points plotter.XYs) {
	if len(points) == 0 {
		return
	}
	line, dots, err := plotter.NewLinePoints(points)
	if err != nil {
		panic(fmt.Sprintf("chart of %s: %v", name, err)) // values are finite
	}
	line.Color, line.Width, line.Dashes = methodColour(i), 1.6, dashes[i%len(dashes)]
	dots.Color, dots.Radius, dots.Shape = methodColour(i), 2.1, glyphs[i%len(glyphs)]
	p.Add(line)
	if len(points) <= 60 {
		p.Add(dots)
	}
}

// Lines differ in more than colour.
var (
	dashes = [][]vg.Length{nil, {6, 3}, {2, 2}, {8, 2, 2, 2}}
	glyphs = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.RingGlyph{}}
)

func newPlot(in unit) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	p.Y.Min = 0
	p.Y.Tick.Marker = plot.TickerFunc(func(low, high float64) []plot.Tick { return niceTicks(low, high, 6, in) })
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Color, axis.Tick.Color = inkColour, gridColour
		axis.LineStyle.Color, axis.Tick.LineStyle.Color = gridColour, gridColour
		axis.Tick.Label.Color = inkColour
		axis.Tick.Label.Font = font.Font{Typeface: "Liberation", Variant: "Sans", Size: chartFont}
		axis.Tick.Length = 3
	}
	p.Y.LineStyle.Width, p.Y.Tick.Length = 0, 0
	grid := plotter.NewGrid()
	grid.Vertical.Color = nil
	grid.Horizontal.Color, grid.Horizontal.Width = gridColour, 0.7
	p.Add(grid)
	return p
}

// niceTicks are at most about count ticks at round values: 1, 2 or 5 times a power of ten.
func niceTicks(low, high float64, count int, in unit) []plot.Tick {
	rough := (high - low) / float64(count)
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	step := power * 10
	for _, factor := range []float64{1, 2, 5} {
		if factor*power >= rough {
			step = factor * power
			break
		}
	}
	if in.whole {
		step = max(1, step)
	}
	var ticks []plot.Tick
	for i := math.Ceil(low / step); i*step <= high; i++ {
		ticks = append(ticks, plot.Tick{Value: i * step, Label: in.text(i * step)})
	}
	return ticks
}

var fontStyle = regexp.MustCompile(`font-family:[^;"]*;font-variant:[^;"]*;font-weight:[^;"]*;font-style:[^;"]*;?`)

// svg writes a plot as an element for a page. All text in it has been escaped by vgsvg.
func svg(p *plot.Plot, title string) template.HTML {
	canvas := vgsvg.New(chartWidth, chartHeight)
	p.Draw(draw.Crop(draw.New(canvas), 2, -8, 2, -10))
	var out bytes.Buffer
	if _, err := canvas.WriteTo(&out); err != nil {
		panic(fmt.Sprintf("chart %q: %v", title, err)) // a buffer takes everything
	}
	_, body, _ := strings.Cut(out.String(), "<svg")
	_, body, _ = strings.Cut(body, ">")
	body = standIns.ReplaceAllStringFunc(fontStyle.ReplaceAllString(body, ""), cssColour)
	return template.HTML(fmt.Sprintf(`<svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, chartWidth, chartHeight, html.EscapeString(title)) + body)
}
