"""The rules against the real server: the same models, judged by both."""
