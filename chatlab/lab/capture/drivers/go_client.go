// One POST by Go's net/http, told as one line of JSON.
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
	"time"
)

const payload = `{"model":"gpt-5-mini","messages":[{"role":"user","content":"Weather?"}]}`

func call(target string, knobs map[string]any) (map[string]any, error) {
	seconds := func(name string) (time.Duration, bool) {
		value, known := knobs[name].(float64)
		return time.Duration(value * float64(time.Second)), known
	}
	transport := &http.Transport{ForceAttemptHTTP2: true}
	client := &http.Client{Transport: transport}
	ctx := context.Background()
	if limit, known := seconds("connect_timeout_s"); known {
		transport.DialContext = (&net.Dialer{Timeout: limit}).DialContext
	}
	if limit, known := seconds("read_timeout_s"); known {
		client.Timeout = limit
	}
	if limit, known := seconds("header_timeout_s"); known {
		transport.ResponseHeaderTimeout = limit
	}
	if limit, known := seconds("deadline_s"); known {
		bounded, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		ctx = bounded
	}
	if limit, known := seconds("cancel_after_s"); known {
		stoppable, cancel := context.WithCancel(ctx)
		time.AfterFunc(limit, cancel)
		ctx = stoppable
	}
	if knobs["http2"] == true {
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	}
	if knobs["proxy"] == true {
		proxy, _ := url.Parse(target)
		transport.Proxy = http.ProxyURL(proxy)
		target = "https://api.example.com/v1/chat/completions"
	}
	request, err := http.NewRequestWithContext(ctx, "POST", target, strings.NewReader(payload))
	if err != nil {
		return nil, err
	}
	request.GetBody = nil
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= 400 {
		headers := map[string]string{}
		for name := range response.Header {
			headers[strings.ToLower(name)] = response.Header.Get(name)
		}
		text := fmt.Sprintf("unexpected status: %s", response.Status)
		return map[string]any{"status": response.StatusCode, "headers": headers, "body": string(body), "text": text}, nil
	}
	var answer map[string]any
	return nil, json.Unmarshal(body, &answer)
}

func main() {
	var knobs map[string]any
	if err := json.Unmarshal([]byte(os.Args[3]), &knobs); err != nil {
		panic(err)
	}
	told, err := call(os.Args[2], knobs)
	switch {
	case err != nil:
		told = map[string]any{"text": err.Error()}
	case told == nil:
		told = map[string]any{"passed": true}
	}
	told["version"] = strings.TrimPrefix(runtime.Version(), "go")
	_ = json.NewEncoder(os.Stdout).Encode(told)
}
