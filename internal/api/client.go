package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Client calls the API of a server.
type Client struct {
	BaseURL   string // such as http://127.0.0.1:9995
	SecretID  string
	SecretKey string

	// HTTP makes the requests; nil = a client that uses no proxy.
	HTTP *http.Client
}

var plainClient = &http.Client{Timeout: time.Minute, Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}}

// Call runs an action of the API. Params are written as JSON; nil = none. The
// Response object is read into out, unless that is nil. What the server refuses
// is an *Error.
func (c *Client) Call(ctx context.Context, action string, params, out any) error {
	if params == nil {
		params = struct{}{}
	}
	body, err := json.Marshal(params)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.BaseURL+"/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-TC-Action", action)
	r.Header.Set("X-TC-Version", Version)
	signTC3(r, body, c.SecretID, c.SecretKey, time.Now())
	client := c.HTTP
	if client == nil {
		client = plainClient
	}
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return readAnswer(res, out)
}

// Operate runs one of the command line's actions (LrList …) and reads its result
// into out.
func (c *Client) Operate(ctx context.Context, action string, params, out any) error {
	var answer struct{ Result json.RawMessage }
	if err := c.Call(ctx, action, params, &answer); err != nil || out == nil {
		return err
	}
	return json.Unmarshal(answer.Result, out)
}

func readAnswer(res *http.Response, out any) error {
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		return err
	}
	var answer struct{ Response json.RawMessage }
	if err := json.Unmarshal(body, &answer); err != nil || len(answer.Response) == 0 || res.StatusCode != http.StatusOK {
		return fmt.Errorf("the server answered %s, not as the API does", res.Status)
	}
	var refusal struct {
		Error     *Error
		RequestId string
	}
	if err := json.Unmarshal(answer.Response, &refusal); err != nil {
		return fmt.Errorf("the server's answer: %w", err)
	}
	if refusal.Error != nil {
		refusal.Error.RequestID = refusal.RequestId
		return refusal.Error
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer.Response, out)
}
