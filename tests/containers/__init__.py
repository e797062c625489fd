"""Containers under test: bundles, the runtime that runs them, and the host they must not touch."""
