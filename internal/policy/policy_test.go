package policy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheDefaultLetsResearchWorkAndKeepsTheRestShut(t *testing.T) {
	host := func(method, url string) Event { return Event{Trigger: Host, Method: method}.WithURL(url) }
	for name, c := range map[string]struct {
		event Event
		want  Action
		rule  string
	}{
		"a search":                   {Event{Trigger: Tool, Tool: "web_search"}, Allow, DefaultRule},
		"a page in the browser":      {Event{Trigger: Tool, Tool: "browser_automation", Action: "navigate"}, Allow, DefaultRule},
		"a script in a page":         {Event{Trigger: Tool, Tool: "browser_automation", Action: "eval"}, Deny, "no-scripts-in-pages"},
		"fetching a page":            {host("GET", "https://example.com/data.csv"), Allow, "read-the-web"},
		"looking at a page":          {host("HEAD", "http://example.com:8080/"), Allow, "read-the-web"},
		"sending something":          {host("POST", "https://example.com/api"), Deny, "no-writes-to-the-web"},
		"a method in small letters":  {host("post", "https://example.com/api"), Deny, "no-writes-to-the-web"},
		"a tunnel":                   {host("CONNECT", "https://example.com:443"), Deny, "no-writes-to-the-web"},
		"an upgrade":                 {Event{Trigger: Host, Method: "GET", Tunnel: true}.WithURL("https://example.com/"), Deny, "no-writes-to-the-web"},
		"another scheme":             {host("GET", "ftp://example.com/"), Deny, "no-writes-to-the-web"},
		"this machine":               {host("GET", "http://localhost:8080/"), Deny, "no-private-hosts"},
		"the metadata service":       {host("GET", "http://169.254.169.254/latest/meta-data/"), Deny, "no-private-hosts"},
		"an address in disguise":     {host("GET", "http://2130706433/"), Deny, "no-private-hosts"},
		"no address at all":          {host("GET", "http://%zz/"), Deny, "no-private-hosts"},
		"a package":                  {Event{Trigger: Package, Package: "pandas", Version: "2.3.1"}, Allow, DefaultRule},
		"a call of the model":        {Event{Trigger: Model, Model: "gpt-5-mini"}, Allow, DefaultRule},
		"an ordinary command":        {Event{Trigger: Shell, Command: "ls"}, Allow, DefaultRule},
		"a destructive command":      {Event{Trigger: Shell, Command: "rm -rf /", Findings: []string{"delete"}}, Deny, "no-destructive-commands"},
		"a file of the workspace":    {Event{Trigger: Path, Path: "out/a.png", Action: "write"}, Allow, DefaultRule},
		"a file outside":             {Event{Trigger: Path, Path: "/etc/passwd", Action: "read"}, Deny, "only-the-workspace"},
		"a file above":               {Event{Trigger: Path, Path: "a/../../b", Action: "read"}, Deny, "only-the-workspace"},
		"somebody's login":           {Event{Trigger: Session, Session: "mail"}, Deny, "no-stored-sessions"},
		"something of a later build": {Event{Trigger: "camera"}, Deny, DefaultRule},
	} {
		t.Run(name, func(t *testing.T) {
			d := Default().Decide(c.event)
			require.Equal(t, c.want, d.Action)
			require.Equal(t, c.rule, d.Rule)
			require.NotEmpty(t, d.Reason)
			require.NotContains(t, d.Reason, "\n")
		})
	}
}

const own = `version: 1
extends: default
defaults:
  package: ask
rules:
  - name: note-every-command
    trigger: shell
    action: log
    reason: kept for the audit
  - name: our-api
    trigger: host
    when: host_in(host, ["api.example.com", "*.example.org"]) && method == "POST" && byte_count < 1000000
    action: allow
    reason: our own service
  - name: mail-for-the-reporter
    trigger: session
    when: skill == "weekly-report" && glob(session, "mail-*")
    action: allow
  - name: read-the-web
    trigger: host
    when: method == "GET" && host != "ads.example.com"
    action: ask
    reason: a person looks at every page
  - name: known-packages
    trigger: package
    when: glob(package_name, ["pandas", "numpy", "types-*"])
    action: allow
`

func TestOwnRulesComeBeforeTheDefaultOnes(t *testing.T) {
	p, err := Parse([]byte(own))
	require.NoError(t, err)
	post := func(url string, bytes int64) Decision {
		return p.Decide(Event{Trigger: Host, Method: "POST", Bytes: bytes}.WithURL(url))
	}
	require.Equal(t, Decision{Allow, "our-api", "our own service", nil}, post("https://api.example.com/x", 10))
	require.Equal(t, Allow, post("https://a.b.example.org/x", 10).Action)
	require.Equal(t, "no-writes-to-the-web", post("https://example.org/x", 10).Rule, "a star stands for at least one label")
	require.Equal(t, Deny, post("https://api.example.com.evil.net/x", 10).Action)
	require.Equal(t, Deny, post("https://api.example.com/x", 1_000_000).Action)

	require.Equal(t, Allow, p.Decide(Event{Trigger: Session, Session: "mail-work", Skill: "weekly-report"}).Action)
	require.Equal(t, "no-stored-sessions", p.Decide(Event{Trigger: Session, Session: "mail-work", Skill: "other"}).Rule)
	require.Equal(t, Ask, p.Decide(Event{Trigger: Package, Package: "requests"}).Action, "the file's default")
	require.Equal(t, Allow, p.Decide(Event{Trigger: Package, Package: "types-requests"}).Action)
	require.Equal(t, Allow, p.Decide(Event{Trigger: Tool, Tool: "web_search"}).Action, "the default's default")

	require.Equal(t, Ask, p.Decide(Event{Trigger: Host, Method: "GET"}.WithURL("https://example.net/")).Action, "a rule of the same name replaces the default one")
	require.Equal(t, "no-writes-to-the-web", p.Decide(Event{Trigger: Host, Method: "GET"}.WithURL("https://ads.example.com/")).Rule)
}

func TestALogRuleLetsTheNextDecide(t *testing.T) {
	p, err := Parse([]byte(own))
	require.NoError(t, err)
	d := p.Decide(Event{Trigger: Shell, Findings: []string{"delete"}})
	require.Equal(t, "no-destructive-commands", d.Rule)
	require.Equal(t, []string{"note-every-command: kept for the audit"}, d.Logs)
	require.Equal(t, d.Logs, p.Decide(Event{Trigger: Shell}).Logs, "also where the default decides")
}

func TestAFileWithoutDefaultsDeniesWhatItDoesNotMention(t *testing.T) {
	p, err := Parse([]byte("version: 1\nrules:\n- {name: a, trigger: tool, when: 'tool == \"web_search\"', action: allow}\n"))
	require.NoError(t, err)
	require.Equal(t, Allow, p.Decide(Event{Trigger: Tool, Tool: "web_search"}).Action)
	d := p.Decide(Event{Trigger: Tool, Tool: "web_reading"})
	require.Equal(t, Deny, d.Action)
	require.Equal(t, DefaultRule, d.Rule)
	require.Contains(t, d.Reason, "no default for tool")
}

func rule(fields string) string {
	return "version: 1\nrules:\n- name: a\n  trigger: host\n  action: deny\n- {" + fields + "}\n"
}

func TestMistakesNameTheRuleTheFieldAndThePosition(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"an empty file":              {"# nothing\n", "a policy begins with `version: 1`"},
		"another version":            {"version: 2\n", "version: 2: write `version: 1`"},
		"broken YAML":                {"version: [\n", "line 1: "},
		"two documents":              {"version: 1\n---\nversion: 1\n", "more than one YAML document"},
		"an unknown field":           {"version: 1\nrule: []\n", `line 2: there is no field "rule"`},
		"an unknown field of a rule": {"version: 1\nrules:\n- name: a\n  wen: x\n", `line 4: there is no field "wen"`},
		"a duplicate field":          {"version: 1\nversion: 1\n", "line 2: "},
		"another base":               {"version: 1\nextends: other\n", "extends: \"other\": only `default`"},
		"an unknown default":         {"version: 1\ndefaults: {hots: deny}\n", `defaults: there is no trigger "hots"`},
		"a default that logs":        {"version: 1\ndefaults: {host: log}\n", `defaults: host: "log": choose allow, deny or ask`},
		"no name":                    {rule(`trigger: host, action: deny`), `rule 2 (""): name: "": use 1 to 64`},
		"a name in capitals":         {rule(`name: A, trigger: host, action: deny`), `rule 2 ("A"): name: "A"`},
		"a name that is taken":       {rule(`name: a, trigger: host, action: deny`), `rule 2 ("a"): name: it is taken`},
		"the default's name":         {rule(`name: default, trigger: host, action: deny`), `name: it is taken`},
		"no trigger":                 {rule(`name: b, action: deny`), `rule 2 ("b"): trigger: "": choose one of tool, host,`},
		"an unknown action":          {rule(`name: b, trigger: host, action: block`), `rule 2 ("b"): action: "block": choose allow, deny, ask or log`},
		"a broken condition":         {rule(`name: b, trigger: host, action: deny, when: "host == "`), `rule 2 ("b"): when: 1:9: Syntax error`},
		"a misspelt variable":        {rule(`name: b, trigger: host, action: deny, when: "method == \"GET\" && hst == \"x\""`), `when: 1:20: undeclared reference to 'hst'; a rule for host can use skill,`},
		"another trigger's variable": {rule(`name: b, trigger: package, action: deny, when: "host == \"x\""`), "a rule for package can use skill, package_name, package_version"},
		"an unknown function":        {rule(`name: b, trigger: host, action: deny, when: "hostin(host, [])"`), "undeclared reference to 'hostin'"},
		"a wrong type":               {rule(`name: b, trigger: host, action: deny, when: "port == \"80\""`), "when: 1:6: found no matching overload"},
		"no condition but a text":    {rule(`name: b, trigger: host, action: deny, when: "host"`), "the condition is of type string: it must be true or false"},
		"a broken expression":        {rule(`name: b, trigger: host, action: deny, when: "host.matches(\"(\")"`), "when: "},
		"a reason of two lines":      {rule(`name: b, trigger: host, action: deny, reason: "x\ny"`), "reason: has more than one line"},
		"a condition without end":    {rule(`name: b, trigger: host, action: deny, when: "` + strings.Repeat("true && ", 600) + `true"`), "when: has more than 4096 characters"},
		"a condition of many levels": {rule(`name: b, trigger: host, action: deny, when: "` + strings.Repeat("(", 200) + "true" + strings.Repeat(")", 200) + `"`), "when: "},
		"a file without end":         {"#" + strings.Repeat("x", maxFile), "the file has more than 256 KiB"},
		"rules without end":          {"version: 1\nrules:\n" + strings.Repeat("- {name: a, trigger: host, action: deny}\n", maxRules+1), "501 of them: at most 500"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(c.text))
			require.ErrorIs(t, err, ErrInvalid)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "\n")
			require.Less(t, len(err.Error()), 500)
		})
	}
}

func TestAConditionThatFailsOrCostsTooMuchDenies(t *testing.T) {
	for name, when := range map[string]string{
		"it fails":        `findings[3] == "x"`,
		"it divides by 0": `1 / (findings.size() - findings.size()) == 1`,
		"it is expensive": `findings.all(a, findings.all(b, findings.all(c, a + b + c != "x")))`,
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Parse([]byte(fmt.Sprintf("version: 1\nrules:\n- {name: a, trigger: shell, action: allow, when: %q}\n", when)))
			require.NoError(t, err)
			d := p.Decide(Event{Trigger: Shell, Findings: strings.Fields(strings.Repeat("delete ", 200))[:max(0, 200*strings.Count(name, "expensive"))]})
			require.Equal(t, Deny, d.Action)
			require.Equal(t, "a", d.Rule)
			require.Contains(t, d.Reason, "the condition of this rule fails: ")
			require.NotContains(t, d.Reason, "\n")
		})
	}
}

func TestEqualFilesHaveEqualDigests(t *testing.T) {
	digest := func(text string) string {
		p, err := Parse([]byte(text))
		require.NoError(t, err)
		return p.Digest()
	}
	require.Equal(t, digest(own), digest(own))
	require.NotEqual(t, digest(own), digest(own+"# \n"))
	require.NotEqual(t, digest("version: 1\n"), digest("version: 1\nextends: default\n"))
	require.Len(t, Default().Digest(), 64)
}

func TestWhatIsInForceIsAPolicyItself(t *testing.T) {
	p, err := Parse([]byte(own))
	require.NoError(t, err)
	text, err := p.YAML()
	require.NoError(t, err)
	again, err := Parse(text)
	require.NoError(t, err, "%s", text)
	require.Equal(t, p.Rules(), again.Rules())
	require.Equal(t, p.Defaults(), again.Defaults())
}

func TestAPolicyIsReadFromItsFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "policy.yaml")
	_, err := Load(name)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(name, []byte("version: 3\n"), 0o600))
	_, err = Load(name)
	require.ErrorIs(t, err, ErrInvalid)
	require.ErrorContains(t, err, name)
	require.NoError(t, os.WriteFile(name, []byte(own), 0o600))
	p, err := Load(name)
	require.NoError(t, err)
	require.Len(t, p.Rules(), 5+6)
	require.Equal(t, "note-every-command", p.Rules()[0].Name)

	p, err = Load("")
	require.NoError(t, err)
	require.Equal(t, Default().Digest(), p.Digest())
}

func TestManyMayAskAtOnce(t *testing.T) {
	p, err := Parse([]byte(own))
	require.NoError(t, err)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 200 {
				d := p.Decide(Event{Trigger: Host, Method: "POST", Bytes: int64(i)}.WithURL("https://api.example.com/"))
				if d.Action != Allow {
					t.Errorf("%+v", d)
				}
			}
		})
	}
	all.Wait()
}

func TestEveryVariableIsDocumentedAndReachesItsConditions(t *testing.T) {
	full := Event{
		Skill: "s", Tool: "t", Action: "a", Method: "M", Path: "p", Tunnel: true, Package: "k", Version: "v", Model: "m",
		Session: "n", Command: "c", Findings: []string{"f"}, Bytes: 1, URL: "u", Scheme: "h", Host: "o", Port: 2,
	}
	for _, trigger := range Triggers() {
		require.NotEmpty(t, Variables(trigger))
		for _, v := range Variables(trigger) {
			require.NotEmpty(t, v.Meaning)
			empty := map[string]string{"string": `""`, "int": "0", "bool": "false", "list(string)": "[]"}[v.Type]
			c, err := Rule{Name: "a", Trigger: trigger, Action: Allow, When: v.Name + " != " + empty}.compile()
			require.NoError(t, err)
			full.Trigger = trigger
			holds, err := c.holds(activation(&full))
			require.NoError(t, err)
			require.True(t, holds, "%s of %s", v.Name, trigger)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(own)
	f.Add(string(defaultText))
	f.Add(rule(`name: b, trigger: host, action: deny, when: "host == "`))
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse([]byte(text))
		if err != nil {
			require.ErrorIs(t, err, ErrInvalid)
			require.NotContains(t, err.Error(), "\n")
			return
		}
		for _, trigger := range Triggers() {
			d := p.Decide(Event{Trigger: trigger, Method: "GET", Findings: []string{"delete"}}.WithURL("https://example.com/"))
			require.Contains(t, []Action{Allow, Deny, Ask}, d.Action)
			require.NotContains(t, d.Reason, "\n")
		}
	})
}

// FuzzCondition tries conditions, which FuzzParse hardly ever reaches.
func FuzzCondition(f *testing.F) {
	for _, r := range Default().Rules() {
		f.Add(r.When)
	}
	for _, when := range []string{
		`host_in(host, ["a.com", "*.b.org"]) && glob(path, "data/*")`, `findings.exists(f, f == "kill")`, `host.matches("(a*)*b")`, `port / 0 == 1`, `[1, 2].map(x, x * port).size() > 1`,
	} {
		f.Add(when)
	}
	f.Fuzz(func(t *testing.T, when string) {
		for _, trigger := range []Trigger{Host, Shell} {
			c, err := Rule{Name: "a", Trigger: trigger, Action: Allow, When: when}.compile()
			if err != nil {
				require.NotContains(t, err.Error(), "\n")
				continue
			}
			e := Event{Trigger: trigger, Method: "GET", Path: "/data/x", Findings: []string{"delete", "kill"}}.WithURL("https://example.com:8080/")
			_, err = c.holds(activation(&e))
			if err != nil {
				require.NotContains(t, err.Error(), "\n")
			}
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	p, err := Parse([]byte(own))
	require.NoError(b, err)
	e := Event{Trigger: Host, Method: "POST"}.WithURL("https://other.example.net/x")
	for b.Loop() {
		p.Decide(e)
	}
}

func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		_, _ = Parse([]byte(own))
	}
}
