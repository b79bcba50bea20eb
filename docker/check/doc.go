// Check looks after the images where no Docker is: it reads the Dockerfile and
// compose.yaml as Docker would, holds them to the rules of this directory, and carries
// out the Dockerfile's instructions in plain directories, with Debian's debootstrap in
// the place of its base images and bubblewrap in the place of containers.
//
//	check lint                       # syntax, rules, compose.yaml, the seccomp profile
//	check build -root DIR            # the steps of one target, in DIR (root, debootstrap)
//	check run -root DIR -- COMMAND   # COMMAND in that target as a container would run it
//
// It is a module of its own, so that the parsers of Docker are no dependency of the
// programs. It imports nothing of the project.
package main
