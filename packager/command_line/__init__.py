"""The command line: help, one job, or a sweep of jobs, all through Hydra."""
