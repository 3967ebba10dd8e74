// LiveKit's own webhook receiver in Go, for tests.
//
//	webhook judge    vectors on standard input ({"keys", "vectors": [{"name", "header", "body"}]}), a verdict a line
//	webhook receive  keys as JSON on standard input; serves on a free port, which it prints, and tells what came, a line each
//	webhook bench    posts a capture over N connections as a plain net/http loop does: URL FILE N KEY, the secret in SECRET
package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/livekit/protocol/auth"
	"github.com/livekit/protocol/webhook"
)

type vector struct {
	Name   string `json:"name"`
	Header string `json:"header"`
	Body   string `json:"body"` // base64
}

type told struct {
	Name  string `json:"name"`
	Valid bool   `json:"valid"`
	Error string `json:"error"`
	ID    string `json:"id"`
	Body  string `json:"body"`
}

func judge(header string, body []byte, keys auth.KeyProvider) told {
	request, _ := http.NewRequest("POST", "http://localhost/", bytes.NewReader(body))
	if header != "" {
		request.Header["Authorization"] = []string{header}
	}
	if _, err := webhook.Receive(request, keys); err != nil {
		return told{Error: err.Error()}
	}
	return told{Valid: true}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func judgeAll() {
	var input struct {
		Keys    map[string]string `json:"keys"`
		Vectors []vector          `json:"vectors"`
	}
	check(json.NewDecoder(os.Stdin).Decode(&input))
	keys := auth.NewFileBasedKeyProviderFromMap(input.Keys)
	out := json.NewEncoder(os.Stdout)
	for _, one := range input.Vectors {
		body, err := base64.StdEncoding.DecodeString(one.Body)
		check(err)
		verdict := judge(one.Header, body, keys)
		verdict.Name = one.Name
		check(out.Encode(verdict))
	}
}

func receive() {
	given := map[string]string{}
	check(json.NewDecoder(os.Stdin).Decode(&given))
	keys := auth.NewFileBasedKeyProviderFromMap(given)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	var lock sync.Mutex
	out := json.NewEncoder(os.Stdout)
	check(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		event, err := webhook.ReceiveWebhookEvent(r, keys)
		verdict := told{Valid: err == nil, Body: base64.StdEncoding.EncodeToString(body)}
		if err != nil {
			verdict.Error = err.Error()
			w.WriteHeader(http.StatusUnauthorized)
		} else {
			verdict.ID = event.Id
			verdict.Name = event.Event
		}
		lock.Lock()
		defer lock.Unlock()
		check(out.Encode(verdict))
	})))
}

func bench() {
	url, path, key, secret := os.Args[2], os.Args[3], os.Args[5], os.Getenv("SECRET")
	connections, err := strconv.Atoi(os.Args[4])
	check(err)
	file, err := os.Open(path)
	check(err)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections}}
	bodies := make(chan string, 512)
	var failed, sent atomic.Int64
	var senders sync.WaitGroup
	began := time.Now()
	for range connections {
		senders.Add(1)
		go func() {
			defer senders.Done()
			for body := range bodies {
				sum := sha256.Sum256([]byte(body))
				token, err := auth.NewAccessToken(key, secret).SetValidFor(5 * time.Minute).SetSha256(base64.StdEncoding.EncodeToString(sum[:])).ToJWT()
				check(err)
				request, _ := http.NewRequest("POST", url, bytes.NewReader([]byte(body)))
				request.Header.Set("Authorization", token)
				request.Header.Set("Content-Type", "application/webhook+json")
				answer, err := client.Do(request)
				if err != nil || answer.StatusCode != 200 {
					failed.Add(1)
				}
				if err == nil {
					io.Copy(io.Discard, answer.Body)
					answer.Body.Close()
				}
				sent.Add(1)
			}
		}()
	}
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 1024*1024), 32*1024*1024)
	for lines.Scan() {
		var one struct {
			Body string `json:"body"`
		}
		check(json.Unmarshal(lines.Bytes(), &one))
		bodies <- one.Body
	}
	close(bodies)
	senders.Wait()
	seconds := time.Since(began).Seconds()
	fmt.Printf("{\"sent\": %d, \"failed\": %d, \"seconds\": %.3f, \"perSecond\": %.1f}\n", sent.Load(), failed.Load(), seconds, float64(sent.Load())/seconds)
}

func main() {
	switch os.Args[1] {
	case "judge":
		judgeAll()
	case "receive":
		receive()
	case "bench":
		bench()
	case "sink":
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		check(err)
		fmt.Println(listener.Addr().(*net.TCPAddr).Port)
		check(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })))
	}
}
