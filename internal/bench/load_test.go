package bench

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/workflows"
)

func TestALoadThatCannotBeCarriedOutIsRefusedByItsFlag(t *testing.T) {
	good := Load{Kind: Reuse, Runs: 1, Concurrency: 1, Turns: 2}
	require.NoError(t, good.Check())
	for flag, spoil := range map[string]func(*Load){
		"--task-kind": func(l *Load) { l.Kind = "sleep" }, "--turns": func(l *Load) { l.Turns = 1 }, "--concurrency": func(l *Load) { l.Concurrency = 0 },
		"--runs": func(l *Load) { l.Runs = 0 }, "--duration": func(l *Load) { l.Duration = -1 }, "--think": func(l *Load) { l.Think = -1 },
	} {
		l := good
		spoil(&l)
		require.ErrorContains(t, l.Check(), flag)
	}
	good.Runs, good.Duration = 0, time.Second
	require.NoError(t, good.Check(), "a duration takes the place of a number")
}

func TestEveryFourthRunOfAMixedLoadBuilds(t *testing.T) {
	l := Load{ID: "bench-x", Kind: Mixed, Turns: 3}
	var kinds []string
	for n := range 8 {
		w := l.work(n)
		kinds = append(kinds, w.kind)
		require.True(t, strings.HasPrefix(w.id, "bench-x-"))
		require.NoError(t, w.in.CheckFor(w.kind))
	}
	i, s := workflows.InstallType, workflows.SolveType
	require.Equal(t, []string{i, s, s, s, i, s, s, s}, kinds)
}

func TestTheModelHasAReplyToEveryTurn(t *testing.T) {
	for _, turns := range []int{2, 3, 40} {
		for _, kind := range Kinds() {
			l := Load{ID: "bench-x", Kind: kind, Turns: turns, Think: time.Millisecond}
			m, err := l.Model()
			require.NoError(t, err)
			for _, w := range []work{l.seed(0), l.work(1)} {
				c := newConversation(t, m, w.in.Task)
				for n := range turns {
					want := "run_subagent"
					switch {
					case n == turns-1:
						want = "finish"
					case n == 0 && w.kind == workflows.InstallType:
						want = "create_subagent"
					}
					require.Equal(t, want, c.next("answer: 6"), fmt.Sprintf("%s, turn %d of %d", w.in.Task, n+1, turns))
				}
				require.Equal(t, "finish", c.next("some advice"), "advice is taken")
			}
		}
	}
}
