package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"syscall"
)

// Code classifies an error for the Python side and for the meta-agent.
type Code string

// The codes of the protocol.
const (
	InvalidRequest Code = "invalid_request"
	NotGranted     Code = "not_granted"
	Denied         Code = "denied"
	// ApprovalRequired: a policy asks a person first; the run ends and is repeated with the decision.
	ApprovalRequired Code = "approval_required"
	UnknownTool      Code = "unknown_tool"
	BudgetExhausted  Code = "budget_exhausted"
	Unavailable      Code = "unavailable"
)

// Error is an answer other than 200. A [Tool] returns one to choose the code; the message is one line for the author of
// the subagent.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	status  int    // where the code does not settle it
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Errorf returns an Error with this code.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

var statuses = map[Code]int{
	InvalidRequest: http.StatusBadRequest, NotGranted: http.StatusForbidden, Denied: http.StatusForbidden, ApprovalRequired: http.StatusForbidden,
	UnknownTool: http.StatusNotFound, BudgetExhausted: http.StatusTooManyRequests, Unavailable: http.StatusServiceUnavailable,
}

func (e *Error) httpStatus() int {
	if e.status != 0 {
		return e.status
	}
	if status, ok := statuses[e.Code]; ok {
		return status
	}
	return http.StatusServiceUnavailable
}

// asError is err as an answer.
func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return Errorf(Unavailable, "%v", err)
}

// passing tells an error that says of itself that another attempt can help, and that of a worker's disk which is full.
func passing(err error) bool {
	var r interface{ Retryable() bool }
	return errors.As(err, &r) && r.Retryable() || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
