package pyruntime

import "fmt"

// Module returns the source of one of the Python modules that stand beside a subagent, such as _command.py. One that
// does not exist is a mistake of the program.
func Module(name string) []byte {
	source, err := modules.ReadFile("python/" + name)
	if err != nil {
		panic(fmt.Sprintf("pyruntime: %v", err))
	}
	return source
}
