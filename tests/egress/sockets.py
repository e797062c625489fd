from suite import suite  # noqa: F401
