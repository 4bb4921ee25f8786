package image

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
)

var quiet = log.New(io.Discard, "", 0)

// damage is a registry that flips a bit in one blob.
type damage struct {
	http.Handler
	digest string
}

func (d damage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, d.digest) {
		d.Handler.ServeHTTP(w, r)
		return
	}
	rec := httptest.NewRecorder()
	d.Handler.ServeHTTP(rec, r)
	for k, v := range rec.Header() {
		w.Header()[k] = v
	}
	w.WriteHeader(rec.Code)
	b := rec.Body.Bytes()
	b[len(b)/2] ^= 1
	w.Write(b)
}
