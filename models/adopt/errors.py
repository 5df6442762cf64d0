"""What is raised for a model that cannot be adopted."""


class AdoptError(ValueError):
    """A file of another project that no model file can be made of; the text says why."""
