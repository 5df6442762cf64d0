"""How errors name what was said wrong: as a key of the configuration, or as an option."""

OPTIONS = None  # instead of a section: a command was told it by its options


def name_key(section: str | None, key: str) -> str:
    """`fleet.password_file` of the section `fleet`, `--password-file` of the options."""
    return f"{section}.{key}" if section is not None else f"--{key.replace('_', '-')}"
