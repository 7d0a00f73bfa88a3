"""For all tests: properties are tried on the same examples each time, so that a failure is the change's own."""

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")
