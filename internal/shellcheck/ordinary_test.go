package shellcheck

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// ordinary are commands of honest work: none may be flagged.
var ordinary = []string{
	// Looking.
	`ls -la`, `pwd`, `cat README.md`, `head -n 20 data.csv`, `tail -f log.txt`, `wc -l *.py`, `du -sh .`, `df -h`, `file image.png`, `stat a.txt`,
	`cat /etc/os-release`, `ls /usr/lib`, `find / -name 'libc.so*' 2>/dev/null`, `which python3`, `uname -a`, `env | sort`, `ps aux | grep python`, `echo "$HOME"`,
	`grep -rn "def main" src/`, `grep -E '^(a|b)' x.txt | sort | uniq -c | sort -rn | head`, `diff -u a.txt b.txt`, `tree -L 2`, `id && whoami`, `free -m; nproc`,

	// Files of the workspace.
	`rm build/x.o`, `rm -rf build dist *.egg-info`, `rm -rf ./node_modules`, `rm -f *.tmp`, `rm -rf build/*`, `rm -rf /srv/space/build`, `rm -rf "$PWD/build"`, `mkdir -p out && rm -f out/*.png`,
	`echo hello > out.txt`, `echo more >> out.txt`, `echo x >| out.txt`, `: > log.txt`, `cat a b > c`, `printf '%s\n' a b c > list.txt`, `echo x > /tmp/x && rm /tmp/x`,
	`mv a.txt b.txt`, `mv *.csv data/`, `cp -r src backup`, `cp /etc/hosts hosts.copy`, `cp /usr/share/dict/words .`, `touch a b c`, `mkdir -p a/b/c`, `ln -s data/current.csv latest.csv`, `truncate -s 0 log.txt`,
	`sed -i 's/foo/bar/g' config.yaml`, `sed -n '1,10p' /etc/passwd`, `sed -i.bak '/^#/d' *.conf`, `dd if=/dev/zero of=test.bin bs=1M count=1`, `tee out.log < in.txt`, `chmod +x run.sh && ./run.sh`, `chmod -R u+w .`,
	`find . -name '*.pyc' -delete`, `find . -name __pycache__ -type d -exec rm -rf {} +`, `find . -name '*.bak' -print0 | xargs -0 rm -f`, `find build -type f -delete`, `find . -type f -size +1M -exec ls -lh {} \;`, `find . -mtime +7 -name '*.log' | xargs rm`,
	`grep -rl foo src | xargs sed -i 's/foo/bar/'`, `git ls-files '*.go' | xargs wc -l`, `ls *.csv | xargs -n1 basename`, `ls | wc -l`, `cd build && rm -rf *`, `cd src; ls; cd ..`, `pushd sub && make; popd`,
	`f=out.txt; rm -f "$f"`, `D=build; rm -rf "$D"`, `rm -rf "${BUILD_DIR:-build}"`, `T=$(mktemp -d); trap 'rm -rf "$T"' EXIT; cp a "$T/"`, `for f in *.txt; do mv "$f" "${f%.txt}.md"; done`,
	`for i in 1 2 3; do echo $i > out_$i.txt; done`, `for i in $(seq 1 100); do touch f$i; done; rm f1`, `if [ -d build ]; then rm -rf build; fi`, `[ -f x ] && rm x || true`, `while read -r line; do echo "$line" >> copy.txt; done < in.txt`,
	"cat > script.py <<'EOF'\nimport os\nprint(os.listdir('/'))\nEOF\npython3 script.py",
	"cat <<EOF > conf.ini\n[main]\ndir = $HOME\nEOF",
	"cat > run.sh <<'EOF'\n#!/bin/sh\nset -e\nmake\nEOF\nsh run.sh",

	// Data and text.
	`awk -F, '{ s += $2 } END { print s }' data.csv`, `awk '$3 > 10 { print $1 }' x > y.txt`, `cut -d, -f1,3 data.csv | sort -u > ids.txt`, `jq '.items[] | .name' data.json`, `tr 'a-z' 'A-Z' < in.txt > out.txt`, `sort -t, -k2 -n data.csv -o sorted.csv`,
	`paste a.txt b.txt | column -t`, `join <(sort a) <(sort b)`, `comm -12 <(sort a.txt) <(sort b.txt) > both.txt`, `sqlite3 data.db 'select count(*) from t'`, `split -l 1000 big.csv part_`, `iconv -f latin1 -t utf-8 a.txt > b.txt`,
	`echo 'aGVsbG8=' | base64 -d`, `echo "1+2" | bc`, `seq 10 | paste -sd+ | bc`, `xxd data.bin | head`, `md5sum *.csv > sums.md5`, `date +%Y-%m-%d`, `yes | head -5`, `shuf -n 3 names.txt`, `nl -ba code.py | sed -n '10,20p'`,

	// Programs.
	`python3 -c 'print(sum(range(10)))'`, `python3 -c "import json,sys; print(json.load(sys.stdin)['a'])" < a.json`, `python3 -m json.tool < a.json`, `python3 -m venv .venv && . .venv/bin/activate && pip install pandas`, `python3 script.py --out result.json 2> err.log`,
	"python3 - <<'EOF'\nimport pandas as pd\ndf = pd.read_csv('data.csv')\ndf.to_csv('out.csv')\nopen('notes.txt', 'w').write('done')\nEOF",
	`python3 -c "import os; os.remove('tmp.txt')"`, `python3 -c "import subprocess; subprocess.run(['ls', '-l'])"`, `perl -ne 'print if /foo/' x.txt`, `perl -pi -e 's/a/b/' x.txt`, `node -e 'console.log(1)'`, `ruby -e 'puts 1'`, `bash run.sh --all`, `sh -c 'echo hi > hi.txt'`,
	`make -j4 && make test`, `make clean all CC=gcc`, `gcc -O2 -o app main.c && ./app`, `go build ./... && go test ./...`, `cargo build --release`, `npm install && npm test`, `cmake -S . -B build && cmake --build build`, `pip install -r requirements.txt`, `uv run main.py`, `pytest -q -x tests/`,
	`timeout 60 python3 long.py`, `nohup python3 server.py > server.log 2>&1 &`, `python3 -m http.server 8000 & PID=$!; sleep 1; curl -s localhost:8000; kill $PID`, `sleep 100 & kill %1`, `./server & echo $! > pid; kill $(cat pid)`, `kill -0 $! && echo alive`, `time ./app`, `env FOO=1 python3 x.py`, `nice -n 10 make`,
	`xargs -n1 echo < list.txt`, `ls *.png | xargs -P4 -I{} convert {} -resize 50% small/{}`, `parallel gzip ::: a.txt b.txt`, `echo a b c | xargs -n1 touch`,

	// Version control, archives, network.
	`git status --short`, `git add -A && git commit -m "rm -rf / is only text here"`, `git log --oneline | head`, `git checkout -b topic`, `git reset --hard HEAD~1`, `git clean -n`, `git clean -fd build/`, `git push origin main`, `git clone https://example.com/x.git && cd x && make`, `git diff > change.patch && git apply change.patch`,
	`tar czf out.tgz out/`, `tar xzf data.tgz`, `tar -xf a.tar -C data`, `unzip -o a.zip -d data`, `zip -r out.zip out`, `gzip -k big.csv`, `gunzip big.csv.gz`, `rsync -a src/ dst/`, `rsync -a --delete src/ build/`,
	`curl -s https://example.com/data.json | jq .name`, `curl -fsSL -o data.csv https://example.com/data.csv`, `wget -q https://example.com/data.csv`, `curl -s https://example.com | python3 -c 'import sys; print(len(sys.stdin.read()))'`, `curl -s https://example.com/x.json | python3 -m json.tool`, `curl -sI https://example.com | grep -i location`,

	`cat urls.txt | xargs -n1 -P4 curl -sO`, `ls -t *.log | tail -n +4 | xargs rm -f --`, `wget -i urls.txt -P downloads/`, `while IFS=, read -r a b; do echo "$b" > "out/$a.txt"; done < in.csv`, `T=$(mktemp); sort a > $T && mv $T a`, `for d in */; do (cd "$d" && make); done`,

	// The language itself.
	`echo "rm -rf /"`, `grep 'rm -rf /' script.sh`, `# rm -rf /`, `printf 'kill -9 1\n' > notes.txt`, `x=1; y=$((x + 2)); echo $y`, `f() { echo "$1"; }; f a`, `case "$1" in start) echo s;; *) echo u;; esac`, `set -euo pipefail; cd src && ls`, `a=(1 2 3); echo "${a[@]}"`, `echo {1..5}`,
	`test -n "$X" && echo "$X"`, `[[ $x == y* ]] || exit 1`, `i=0; while [ $i -lt 3 ]; do echo $i; i=$((i+1)); done`, `cd "$(dirname "$0")" && ls`, `diff <(ls a) <(ls b)`, `exec 3< in.txt; read -r line <&3`, `echo done >&2`, `{ echo a; echo b; } > ab.txt`, `(cd sub && make) > log 2>&1`, `! grep -q x y`,
	`until curl -s localhost:8000; do sleep 1; done`, `for f in a b; do (convert $f.png $f.jpg) & done; wait`, `while true; do ./poll; sleep 5; done`, `alias ll='ls -l'; ll`, `read -r a b <<< "1 2"; echo $b`, `export PATH="$PWD/bin:$PATH"`, `unset X; echo ${X:-default}`, ``,
}

func TestOrdinaryCommandsRaiseNoAlarm(t *testing.T) {
	require.GreaterOrEqual(t, len(ordinary), 120)
	for _, command := range ordinary {
		t.Run(command, func(t *testing.T) { require.Empty(t, Check(command, workspace)) })
	}
}
