// A reverse proxy as Go's standard library gives it, for the comparison in Benchmarks/Compare: HTTP/1.1,
// keep-alive to one upstream, X-Forwarded-For by ReverseProxy itself, a pool wide enough for the load.
package main

import (
	"crypto/tls"
	"flag"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address for HTTP")
	listenTLS := flag.String("listen-tls", "127.0.0.1:8443", "address for HTTPS")
	certificate := flag.String("certificate", "", "certificate file")
	key := flag.String("key", "", "key file")
	upstream := flag.String("upstream", "", "URL of the upstream")
	flag.Parse()

	target, err := url.Parse(*upstream)
	if err != nil {
		log.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = &http.Transport{
		MaxIdleConns: 512, MaxIdleConnsPerHost: 512, IdleConnTimeout: 10 * time.Minute, DisableCompression: true,
	}

	// An empty TLSNextProto keeps HTTP/2 off, so that every peer speaks HTTP/1.1.
	secure := &http.Server{
		Addr: *listenTLS, Handler: proxy, IdleTimeout: 10 * time.Minute,
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
		TLSConfig:    &tls.Config{MinVersion: tls.VersionTLS13, SessionTicketsDisabled: true},
	}
	go func() { log.Fatal(secure.ListenAndServeTLS(*certificate, *key)) }()
	plain := &http.Server{Addr: *listen, Handler: proxy, IdleTimeout: 10 * time.Minute}
	log.Fatal(plain.ListenAndServe())
}
