"""Files come in whole or not at all: received, read in a child process, checked, stored."""
