"""The linter of Triton model repositories, whoever wrote them: `packager-lint`."""
