package main

func licensesCommand(inv *invocation, args []string) (int, error) { return 0, usagef("none yet") }
