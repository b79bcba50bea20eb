package evaluation

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// confidence is that of every interval; tail is what lies beyond it on one side.
const confidence, tail = 0.95, (1 - confidence) / 2

// share estimates how often something happens that was seen part times in whole.
func share(part, whole int) Estimate {
	if whole == 0 {
		return Estimate{}
	}
	return Estimate{Value: ratio(part, whole), N: whole, Interval: wilson(float64(part), float64(whole))}
}

// wilson is the score interval of a share (E. B. Wilson, 1927). Unlike the textbook interval around the mean it stays
// within 0 and 1 and has a width even when all or none were seen, which is what few runs of good methods look like.
func wilson(part, whole float64) *Interval {
	z := distuv.UnitNormal.Quantile(1 - tail)
	p, zz := part/whole, z*z/whole
	centre := (p + zz/2) / (1 + zz)
	half := z / (1 + zz) * math.Sqrt(p*(1-p)/whole+zz/(4*whole))
	return &Interval{Low: max(0, centre-half), High: min(1, centre+half), Over: OverRuns}
}

// mean estimates what a run takes. With repeats its interval is over the means of the repeats that are complete, because
// runs of one arm are not independent: they share a library. With a single one it is over the tasks.
func mean(runs []Outcome, value func(Outcome) float64) Estimate {
	if len(runs) == 0 {
		return Estimate{}
	}
	e := Estimate{Value: stat.Mean(values(runs, value), nil), N: len(runs)}
	if repeats := completeRepeats(runs, value); len(repeats) > 1 {
		e.Interval = student(e.Value, repeats, OverRepeats)
	} else {
		e.Interval = student(e.Value, byTask(runs, value), OverTasks)
	}
	if e.Interval != nil {
		e.Interval.Low = max(0, e.Interval.Low) // nothing that a run takes is negative
	}
	return e
}

func values(runs []Outcome, value func(Outcome) float64) []float64 {
	out := make([]float64, len(runs))
	for i, o := range runs {
		out[i] = value(o)
	}
	return out
}

// completeRepeats are the means of the repeats that ran as many tasks as the fullest. One that has only begun would
// compare its easy tasks with everybody else's hard ones.
func completeRepeats(runs []Outcome, value func(Outcome) float64) []float64 {
	groups := group(runs, func(o Outcome) int { return o.Repeat })
	full := 0
	for _, g := range groups {
		full = max(full, len(g))
	}
	groups = slices.DeleteFunc(groups, func(g []Outcome) bool { return len(g) < full })
	return means(groups, value)
}

func byTask(runs []Outcome, value func(Outcome) float64) []float64 {
	return means(group(runs, func(o Outcome) int { return o.Number }), value)
}

func means(groups [][]Outcome, value func(Outcome) float64) []float64 {
	out := make([]float64, len(groups))
	for i, g := range groups {
		out[i] = stat.Mean(values(g, value), nil)
	}
	return out
}

// group splits outcomes by a key, in the order of the keys.
func group[K cmp.Ordered](outcomes []Outcome, key func(Outcome) K) [][]Outcome {
	by := map[K][]Outcome{}
	for _, o := range outcomes {
		by[key(o)] = append(by[key(o)], o)
	}
	groups := make([][]Outcome, 0, len(by))
	for _, k := range slices.Sorted(maps.Keys(by)) {
		groups = append(groups, by[k])
	}
	return groups
}

// student is the interval around centre by Student's t, or nil for fewer than two values.
func student(centre float64, values []float64, over Over) *Interval {
	if len(values) < 2 {
		return nil
	}
	n := float64(len(values))
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Quantile(1 - tail)
	half := t * stat.StdDev(values, nil) / math.Sqrt(n)
	return &Interval{Low: centre - half, High: centre + half, Over: over}
}

// fisher is the p of Fisher's exact test, two-sided by doubling: how likely it is that a split of the passes as uneven as
// this one, or more, comes about by chance. passedA of a runs passed, and passedB of b.
func fisher(passedA, a, passedB, b int) float64 {
	passed, p := passedA+passedB, 0.0
	if passedA*b < passedB*a {
		passedA, a, b = passedB, b, a // the larger share is asked about
	}
	for x := passedA; x <= min(a, passed); x++ {
		if passed-x <= b {
			p += math.Exp(choose(a, x) + choose(b, passed-x) - choose(a+b, passed))
		}
	}
	return min(1, 2*p)
}

// choose is the logarithm of a binomial coefficient.
func choose(n, k int) float64 {
	log := func(x int) float64 { l, _ := math.Lgamma(float64(x + 1)); return l }
	return log(n) - log(k) - log(n-k)
}
