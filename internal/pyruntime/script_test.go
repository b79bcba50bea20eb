package pyruntime

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDependenciesAreReadFromTheScriptBlock(t *testing.T) {
	const two = "# /// script\n# requires-python = \">=3.11\"\n# dependencies = [\n#   \"requests<3\",\n#   \"rich\",\n# ]\n# ///\n"
	both := Metadata{Dependencies: []string{"requests<3", "rich"}, RequiresPython: ">=3.11"}
	for name, c := range map[string]struct {
		source string
		want   Metadata
	}{
		"the example of PEP 723":           {two + "import requests\n", both},
		"below other code":                 {"import os\n\n" + two, both},
		"without a last line end":          {strings.TrimSuffix(two, "\n"), both},
		"with Windows line ends":           {strings.ReplaceAll(two, "\n", "\r\n"), both},
		"after a byte order mark":          {"\uFEFF" + two, both},
		"with an empty comment line":       {"# /// script\n#\n# dependencies = [\"a\"]\n# ///\n", Metadata{Dependencies: []string{"a"}}},
		"beside a block of another type":   {"# /// other\n# x = 1\n# ///\n\n" + two, both},
		"with a table of a tool":           {"# /// script\n# dependencies = []\n# [tool.x]\n# y = 1\n# ///\n", Metadata{Dependencies: []string{}}},
		"no source":                        {"", Metadata{}},
		"no block":                         {"import os\n# dependencies = ['a']\n", Metadata{}},
		"a block that does not end":        {"# /// script\n# dependencies = ['a']\n", Metadata{}},
		"a block that code interrupts":     {"# /// script\n# dependencies = ['a']\nx = 1\n# ///\n", Metadata{}},
		"an indented block":                {" # /// script\n # dependencies = ['a']\n # ///\n", Metadata{}},
		"a comment without its blank":      {"# /// script\n#dependencies = ['a']\n# ///\n", Metadata{}},
		"a start with something behind it": {"# /// script x\n# dependencies = ['a']\n# ///\n", Metadata{}},
		"an empty block is none":           {"# /// script\n# ///\n", Metadata{}},
		"the last end of several ends it":  {"# /// script\n# dependencies = ['a']\n# x = '''\n# ///\n# '''\n# ///\n", Metadata{Dependencies: []string{"a"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Dependencies([]byte(c.source))
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestDependenciesThatCannotBeReadAreOneLineErrors(t *testing.T) {
	block := func(toml string) string {
		return "# /// script\n# " + strings.ReplaceAll(toml, "\n", "\n# ") + "\n# ///\n"
	}
	for name, c := range map[string]struct{ source, says string }{
		"two blocks":               {block("dependencies = []") + "\n" + block("dependencies = []"), "2 `# /// script` blocks"},
		"broken TOML":              {block("\ndependencies = [\"a\""), "line"},
		"a text instead of a list": {block("dependencies = \"a\""), "dependencies"},
		"a list of numbers":        {block("dependencies = [1]"), "dependencies"},
		"a number for a version":   {block("requires-python = 3.11"), "requires-python"},
		"bytes that are no UTF-8":  {block("x = \"\xff\""), "UTF-8"},
		"a block without measure":  {block("x = '" + strings.Repeat("y", maxBlock) + "'"), "more than 16384 bytes"},
		"arrays nested to death":   {block("x = " + strings.Repeat("[", maxBlock-100)), "line 1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Dependencies([]byte(c.source))
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "\n")
			require.Less(t, len(err.Error()), 400)
		})
	}
}

func TestRequirementsAreNormalised(t *testing.T) {
	for name, c := range map[string]struct{ given, want []string }{
		"none":                      {nil, []string{}},
		"names":                     {[]string{"Six", "zope.interface", "ruamel_yaml"}, []string{"ruamel-yaml", "six", "zope-interface"}},
		"duplicates":                {[]string{"six == 1.16.0", "SIX==1.16.0"}, []string{"six==1.16.0"}},
		"several clauses":           {[]string{" numpy >= 1.2 , <3,!=2.* "}, []string{"numpy!=2.*,<3,>=1.2"}},
		"extras":                    {[]string{"requests [ Socks,use_chardet ] ~=2.31"}, []string{"requests[socks,use-chardet]~=2.31"}},
		"a marker":                  {[]string{`tomli>=2 ; python_version<"3.11"`}, []string{`tomli>=2; python_version<"3.11"`}},
		"a marker of several parts": {[]string{`a; sys_platform == 'linux'  and  'x86' not in platform_machine`}, []string{`a; sys_platform == 'linux' and 'x86' not in platform_machine`}},
		"versions of every kind":    {[]string{"a==1!2.0rc1.post2.dev3+local.1"}, []string{"a==1!2.0rc1.post2.dev3+local.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := checkRequirements(c.given)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestRequirementsThatCouldDoMoreAreRefused(t *testing.T) {
	for _, bad := range []string{
		"", " ", "six @ https://example.org/six.whl", "six@file:///etc/passwd", "https://example.org/x.whl", "git+https://example.org/x",
		"-r other.txt", "--index-url=http://evil", "-e .", "./six", "../six", "/tmp/six.whl", "six/..", "C:\\six",
		"six==", "six=1", "six===1", "six 1.0", "six>=1 --pre", "six\n--pre", "six #x", "six[", "six[]", "six[a;b]", "six>=1,", "_six", "six-",
		"six; extra == 'x'", "six; import os", "six; python_version", "six; python_version<'3'; x", "six;", "sïx", "six\x00", "$(id)", "six>=$HOME",
		strings.Repeat("a", maxRequirement+1),
	} {
		t.Run(bad, func(t *testing.T) {
			_, err := checkRequirements([]string{"good", bad})
			require.Error(t, err)
			require.NotContains(t, err.Error(), "\n")
		})
	}
	many := make([]string, maxRequirements+1)
	for i := range many {
		many[i] = fmt.Sprintf("p%d", i)
	}
	_, err := checkRequirements(many)
	require.ErrorContains(t, err, "at most 30")
	_, err = checkRequirements(many[1:])
	require.NoError(t, err)
}

func TestScriptAcceptsThePythonsItRequires(t *testing.T) {
	for specifiers, runs := range map[string]bool{
		"": true, ">=3.9": true, ">= 3.11.2": true, ">=3.11.3": false, ">=3.12": false, ">=3.9,<4": true, ">=3.9, <3.11": false, "<3.11.2": false, "<=3.11.2": true, "<=3.11": false,
		"==3.11.*": true, "==3.11": false, "==3.11.2": true, "==3.11.2.0": true, "==3.1.*": false, "!=3.11.*": false, "!=3.10.*": true, "!=3.11.2": false,
		"~=3.9": true, "~=3.11.0": true, "~=3.10.0": false, "~=3.11.3": false, ">3.11": true, ">3.11.2": false, ">=3": true, "~=3": true,
	} {
		t.Run(specifiers, func(t *testing.T) {
			err := Metadata{RequiresPython: specifiers}.Accepts("3.11.2")
			if runs {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "the subagents' Python is 3.11.2")
		})
	}
	for _, broken := range []string{"3.9", "python>=3.9", ">=3.9,", ">=3.x", ">=3.*", "===3.9", ">=99999999999999999999"} {
		err := Metadata{RequiresPython: broken}.Accepts("3.11.2")
		require.ErrorContains(t, err, "cannot be read", broken)
		require.NotContains(t, err.Error(), "\n")
	}
}

func FuzzRequiredPython(f *testing.F) {
	for _, s := range []string{">=3.9", "~=3.9.1,!=3.10.*", "==3", "<4,"} {
		f.Add(s, "3.11.2")
	}
	f.Fuzz(func(t *testing.T, specifiers, version string) {
		if err := (Metadata{RequiresPython: specifiers}).Accepts(version); err != nil && !strings.Contains(version, "\n") {
			require.NotContains(t, err.Error(), "\n")
		}
	})
}

func FuzzDependencies(f *testing.F) {
	f.Add([]byte("# /// script\n# dependencies = [\"requests<3\"]\n# ///\n"))
	f.Add([]byte("# /// script\n# requires-python = '>=3.9'\n#\n# ///\r\n# /// script\n# ///"))
	f.Add([]byte("# /// x\n# [[[\n# ///\n"))
	f.Fuzz(func(t *testing.T, source []byte) {
		m, err := Dependencies(source)
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		if !strings.Contains(string(source), "# /// script") {
			require.Equal(t, Metadata{}, m)
		}
	})
}

func FuzzRequirements(f *testing.F) {
	for _, s := range []string{"six==1.16.0", "a[b,c]>=1,<2; python_version<'3.11' and os_name=='posix'", "x @ http://y", "-r z", "A._-b ~= 1!2.*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, declared string) {
		got, err := checkRequirements([]string{declared})
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		require.Len(t, got, 1)
		require.False(t, strings.HasPrefix(got[0], "-"))
		require.False(t, strings.ContainsAny(got[0], "@/\\\n\r\x00$`"), "%q", got[0])
		again, err := checkRequirements(got)
		require.NoError(t, err, "%q became %q", declared, got[0])
		require.True(t, slices.Equal(got, again), "%q became %q", got, again)
	})
}
