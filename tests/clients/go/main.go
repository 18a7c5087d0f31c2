// A websocket client with gorilla/websocket. adapters/child.py describes what it reads and writes.
//
// Each message must decode as an event does in Digital Rebar's Go client.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

type options struct {
	URL     string
	CA      string
	Headers map[string]string
}

type event struct {
	Time      time.Time
	Type      string
	Action    string
	Key       string
	Principal string
	Object    json.RawMessage
	Original  json.RawMessage
}

type order struct {
	Send      *string
	Binary    *string
	Ping      *string
	Close     *int
	Fragments []string
}

var reportMutex sync.Mutex

func report(name string, what interface{}) {
	text, err := json.Marshal(map[string]interface{}{name: what})
	if err != nil {
		log.Fatal(err)
	}
	reportMutex.Lock()
	defer reportMutex.Unlock()
	fmt.Println(string(text))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func connect(o options) *websocket.Conn {
	pem, err := os.ReadFile(o.CA)
	check(err)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		log.Fatal("no certificate in ", o.CA)
	}
	header := http.Header{}
	for name, value := range o.Headers {
		header.Set(name, value)
	}
	dialer := websocket.Dialer{
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		EnableCompression: true,
		WriteBufferSize:   64,
	}
	connection, response, err := dialer.Dial(o.URL, header)
	if errors.Is(err, websocket.ErrBadHandshake) {
		body, _ := io.ReadAll(response.Body)
		headers := map[string]string{}
		for name, values := range response.Header {
			headers[name] = strings.Join(values, ", ")
		}
		report("refused", map[string]interface{}{
			"status": response.StatusCode, "headers": headers, "body": string(body)})
		os.Exit(0)
	}
	check(err)
	report("open", map[string]string{
		"extensions": response.Header.Get("Sec-WebSocket-Extensions")})
	return connection
}

// The event's time, written again, must be what was read.
func checkEvent(text []byte) {
	var read event
	check(json.Unmarshal(text, &read))
	var raw struct{ Time json.RawMessage }
	check(json.Unmarshal(text, &raw))
	written, err := json.Marshal(read.Time)
	check(err)
	if string(written) != string(raw.Time) {
		log.Fatalf("Go writes the time %s as %s", raw.Time, written)
	}
}

func readAll(connection *websocket.Conn) {
	connection.SetPongHandler(func(payload string) error {
		report("pong", payload)
		return nil
	})
	for {
		kind, text, err := connection.ReadMessage()
		var closed *websocket.CloseError
		if errors.As(err, &closed) {
			report("closed", closed.Code)
			os.Exit(0)
		}
		check(err)
		if kind != websocket.TextMessage {
			log.Fatal("a binary message came")
		}
		checkEvent(text)
		report("message", string(text))
	}
}

func obey(connection *websocket.Conn, o order) error {
	switch {
	case o.Send != nil:
		return connection.WriteMessage(websocket.TextMessage, []byte(*o.Send))
	case o.Binary != nil:
		data, err := base64.StdEncoding.DecodeString(*o.Binary)
		check(err)
		return connection.WriteMessage(websocket.BinaryMessage, data)
	case o.Ping != nil:
		deadline := time.Now().Add(time.Minute)
		return connection.WriteControl(websocket.PingMessage, []byte(*o.Ping), deadline)
	case o.Close != nil:
		text := websocket.FormatCloseMessage(*o.Close, "")
		return connection.WriteControl(websocket.CloseMessage, text, time.Now().Add(time.Minute))
	default:
		// A buffer of WriteBufferSize that is full becomes a fragment.
		writer, err := connection.NextWriter(websocket.TextMessage)
		check(err)
		for _, part := range o.Fragments {
			_, err = io.WriteString(writer, part)
			check(err)
		}
		return writer.Close()
	}
}

func main() {
	log.SetFlags(0)
	var o options
	check(json.Unmarshal([]byte(os.Args[1]), &o))
	connection := connect(o)
	go readAll(connection)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var next order
		check(json.Unmarshal(lines.Bytes(), &next))
		check(obey(connection, next))
	}
}
