"""What the command line can be asked to do: one module a task, orchestration only."""
