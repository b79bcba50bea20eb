// Package browsertest has a web site for tests of what drives a browser. It imports nothing of this project.
package browsertest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Site serves a small web site with what sites have: forms, frames, lists that grow, dialogs, files, logins.
func Site(t testing.TB) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	for path, body := range pages {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(w, "<!doctype html><title>"+strings.Trim(path, "/{$}")+" page</title>"+body)
		})
	}
	mux.HandleFunc("POST /order", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "<title>thanks</title><h1>Thanks, %s: %s of %s, gift %s</h1>", r.FormValue("who"), r.FormValue("count"), r.FormValue("what"), r.FormValue("gift"))
	})
	mux.HandleFunc("POST /upload", func(w http.ResponseWriter, r *http.Request) {
		f, h, err := r.FormFile("file")
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body, _ := io.ReadAll(f)
		fmt.Fprintf(w, "<h1>Got %s with %q</h1>", h.Filename, body)
	})
	mux.HandleFunc("GET /report.csv", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Disposition", `attachment; filename="../../report.csv"`)
		io.WriteString(w, "a,b\n1,2\n")
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "user", Value: r.FormValue("user"), Path: "/", MaxAge: 3600})
		http.Redirect(w, r, "/private", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /auto", func(w http.ResponseWriter, _ *http.Request) { // as if somebody typed
		http.SetCookie(w, &http.Cookie{Name: "user", Value: "auto", Path: "/"})
	})
	mux.HandleFunc("GET /private", func(w http.ResponseWriter, r *http.Request) {
		user, err := r.Cookie("user")
		if err != nil {
			http.Redirect(w, r, "/login", http.StatusSeeOther)
			return
		}
		fmt.Fprintf(w, "<title>private</title><h1>Hello %s</h1>", user.Value)
	})
	mux.HandleFunc("GET /redirect", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

var pages = map[string]string{
	"/{$}": `<h1>Shop</h1><p>Everything for the garden.</p><a href="/form">Order</a> <a href="/list">List</a>
		<a href="/private" target="_blank">Account</a> <a href="/report.csv">Report</a>`,
	"/form": `<form method=post action=/order>
		<label>Name <input name=who></label>
		<label>Count <input name=count type=number></label>
		<label>Article <select name=what><option value=r>Rose<option value=t>Tulip</select></label>
		<label><input type=checkbox name=gift value=yes> Gift</label>
		<button>Send</button></form>`,
	"/frame": `<h1>Outside</h1><iframe id=pay srcdoc="<label>Card <input id=card></label><button onclick='document.body.append(&quot;paid with &quot; + card.value)'>Pay</button>"></iframe>`,
	"/list": `<h1>List</h1><button id=more>More</button><ul></ul><script>
		let n = 0; more.onclick = () => setTimeout(() => { for (let i = 0; i < 3; i++) { const li = document.createElement("li");
		li.innerHTML = "<button>Item " + (++n) + "</button>"; document.querySelector("ul").append(li) } }, 300)</script>`,
	"/dialog": `<button onclick="alert('saved')">Save</button><button onclick="out.textContent = confirm('really?')">Remove</button>
		<button onclick="out.textContent = prompt('your name?')">Rename</button><p id=out></p>`,
	"/uploads": `<form method=post action=/upload enctype=multipart/form-data><label>File <input type=file name=file></label><button>Send</button></form>
		<input type=file id=picker style="display:none" onchange="out.textContent = picker.files[0].name"><button onclick="picker.click()">Choose</button><p id=out></p>`,
	"/login": `<form method=post action=/login><label>User <input name=user></label><button>Sign in</button></form>`,
	"/twins": `<button>Same</button><button>Same</button><button disabled>Off</button>`,
	"/long":  `<script>document.write("<p>" + "line of text<br>".repeat(20000) + "</p>"); document.write("<button>last of all</button>")</script>`,
	"/loop":  `<h1>Loop</h1><button onclick="for(;;){}">Hang</button>`,
	"/error": `<h1>Broken</h1><script>throw new Error("oh")</script><script>Promise.reject(null)</script>`,
	"/writes": `<h1>Writes</h1><p id=out></p><a href="#" ping="/order">Ping</a><script>
		const worker = new Worker(URL.createObjectURL(new Blob(["onmessage = e => fetch(e.data, {method: 'POST'}).catch(() => {}).then(() => postMessage(1))"])));
		navigator.sendBeacon("/order", "x");
		Promise.allSettled([
			fetch("/order", {method: "POST", body: "x"}), fetch("/order", {method: "PUT", body: "x", keepalive: true}),
			new Promise(done => { worker.onmessage = done; worker.postMessage(location.origin + "/order") }),
		]).then(() => out.textContent = "all tried")</script>`,
	"/socket": `<h1>Socket</h1><p id=out></p><script>new WebSocket(new URLSearchParams(location.search).get("to")).onclose = () => out.textContent = "closed"</script>`,
	"/fetch":  `<h1>Fetch</h1><script>fetch("http://10.0.0.1/x").catch(e => {}); new Image().src = "http://169.254.169.254/latest/"</script>`,
}
