// Package evaluation says what an evaluation is made of and what it comes to: the tasks of a batch, the outcome of each
// task with each method, the statistics over them, the comparison with another evaluation, and the report that people
// read (JSON, CSV, Markdown and one HTML page).
//
// The words: a method is a way to solve tasks (agentfactory, react, textual); a batch is a list of tasks; an arm is one
// method in one of its repeats, doing the tasks in the order of the file. The paper that the measures follow is
// "AgentFactory"; its metric is the number of output tokens of the orchestrating model per task.
//
// Everything is computed from the outcomes, and the same outcomes in any order give the same bytes. The package is pure:
// it reads and writes nothing and knows nothing of Temporal or S3. It imports internal/run for its types,
// internal/workspace and internal/checking for what a path and a check script must be, and libraries.
package evaluation
