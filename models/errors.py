"""What is raised for a configuration that makes no sense."""


class ConfigError(ValueError):
    """A configuration that no network or training run can be made from."""
