"""From pictures to expressions: the models put together."""
