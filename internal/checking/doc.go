// Package checking says how the answer to a stored case is judged, so that a later version of a skill can be held
// against what an earlier one got right. It is told in three parts: the prompts by which a tester model writes a check
// script and a judge model gives a verdict, the readers of their replies, and the wrong outputs that a check has to
// fail before it is believed.
//
// A check script is a Python module that defines
//
//	def check(query: str, answer: str) -> None
//
// and raises AssertionError with a one-line reason when an output is wrong. It is written from the task, the query, the
// inputs and one output that is believed right, never from the code that made it. It is kept only if it passes that
// output and fails an Empty and a Perturbed one; so is a judge.
//
// The package calls nothing: whoever uses it asks the models and runs the script in a sandbox. It imports internal/llm
// for the form of messages, and the standard library.
package checking
