"""What bash, zsh and fish complete of the command `thunderline`: its words, and their options.

    thunderline completion bash > ~/.local/share/bash-completion/completions/thunderline
    thunderline completion zsh  > ~/.zfunc/_thunderline        where fpath has ~/.zfunc
    thunderline completion fish > ~/.config/fish/completions/thunderline.fish

The lists are those of the version that is installed: make them again after an upgrade.
"""

import argparse
import shlex
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple


class Option(NamedTuple):
    """One option of a word."""

    names: tuple[str, ...]  # such as -h and --help
    what: str
    takes_value: bool
    choices: tuple[str, ...] = ()  # of the value; files where there are none


class Word(NamedTuple):
    """A word after `thunderline`."""

    name: str
    what: str
    options: tuple[Option, ...]


def options_of(parser: argparse.ArgumentParser | None) -> tuple[Option, ...]:
    """The options that a parser knows, but those that it does not tell of."""
    actions = [] if parser is None else parser._actions  # argparse has no other list of them
    return tuple(
        Option(
            names=tuple(action.option_strings),
            what=" ".join((action.help or "").split()),
            takes_value=action.nargs != 0,
            choices=tuple(map(str, action.choices or ())),
        )
        for action in actions
        if action.option_strings and action.help != argparse.SUPPRESS
    )


def parse_shell(words: Sequence[str], arguments: Sequence[str] | None = None) -> str:
    """The shell that is named on the command line, which completes those words."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"words: {', '.join(words)}",
    )  # fmt: skip
    parser.add_argument("shell", choices=tuple(_SHELLS))
    shell: str = parser.parse_args(arguments).shell
    return shell


def script_for(shell: str, words: Sequence[Word]) -> str:
    """What that shell reads."""
    return "\n".join(_SHELLS[shell](words)) + "\n"


def _choices(words: Sequence[Word]) -> Iterator[tuple[str, Sequence[str]]]:
    """Where one of some values comes next: the two words before it, and the values."""
    for word in words:
        for option in word.options:
            for name in option.names if option.choices else ():
                yield f"{word.name} {name}", option.choices
    yield f"{_COMPLETION} {_COMPLETION}", tuple(_SHELLS)


def _bash(words: Sequence[Word]) -> Iterator[str]:
    """Files where nothing else fits: `-o default` leaves them to readline, which quotes them."""
    yield "_thunderline() {"
    yield "    local word=${COMP_WORDS[COMP_CWORD]} options="
    yield "    COMPREPLY=()"
    yield "    if (( COMP_CWORD == 1 )); then"
    yield f"        COMPREPLY=($(compgen -W '{' '.join(w.name for w in words)}' -- \"$word\"))"
    yield "        return"
    yield "    fi"
    yield '    case "${COMP_WORDS[1]} ${COMP_WORDS[COMP_CWORD-1]}" in'
    for before, choices in _choices(words):
        yield f'        "{before}")'
        quoted = shlex.quote(" ".join(choices))
        yield f'            COMPREPLY=($(compgen -W {quoted} -- "$word")); return ;;'
    yield "    esac"
    yield '    case "${COMP_WORDS[1]}" in'
    for word in words:
        names = " ".join(name for option in word.options for name in option.names)
        yield f"        {word.name}) options={shlex.quote(names)} ;;"
    yield "    esac"
    yield "    if [[ $word == -* ]]; then"
    yield '        COMPREPLY=($(compgen -W "$options" -- "$word"))'
    yield "    fi"
    yield "}"
    yield "complete -o default -F _thunderline thunderline"


def _zsh(words: Sequence[Word]) -> Iterator[str]:
    yield "#compdef thunderline"
    yield "_thunderline() {"
    yield "    local -a found"
    yield "    if (( CURRENT == 2 )); then"
    yield f"        found=({' '.join(_zsh_item(word.name, word.what) for word in words)})"
    yield "        _describe command found"
    yield "        return"
    yield "    fi"
    yield '    case "$words[2] $words[CURRENT-1]" in'
    for before, choices in _choices(words):
        yield f'        "{before}")'
        yield f"            compadd -- {shlex.join(choices)}; return ;;"
    yield "    esac"
    yield "    if [[ $words[CURRENT] != -* ]]; then"
    yield "        _files"
    yield "        return"
    yield "    fi"
    yield '    case "$words[2]" in'
    for word in words:
        items = (_zsh_item(name, option.what) for option in word.options for name in option.names)
        yield f"        {word.name}) found=({' '.join(items)}) ;;"
    yield "    esac"
    yield "    _describe -o option found"
    yield "}"
    # Read by compinit it is the function; read by `source` it has to say what it is for.
    yield 'if [[ ${funcstack[1]} == _thunderline ]]; then _thunderline "$@"'
    yield "else compdef _thunderline thunderline; fi"


def _zsh_item(name: str, what: str) -> str:
    return shlex.quote(f"{name.replace(':', chr(92) + ':')}:{what}")


def _fish(words: Sequence[Word]) -> Iterator[str]:
    for word in words:
        yield (
            f"complete -c thunderline -f -n __fish_use_subcommand -a {word.name} "
            f"-d {_fish_quote(word.what)}"
        )
    for word in words:
        seen = f"-n '__fish_seen_subcommand_from {word.name}'"
        for option in word.options:
            names = " ".join(_fish_name(name) for name in option.names)
            value = " -r" if option.takes_value else ""
            if option.choices:
                value = f" -x -a {_fish_quote(' '.join(option.choices))}"
            what = _fish_quote(option.what)
            yield f"complete -c thunderline {seen} {names}{value} -d {what}"
    yield (
        f"complete -c thunderline -f -n '__fish_seen_subcommand_from {_COMPLETION}' "
        f"-a '{' '.join(_SHELLS)}'"
    )


def _fish_name(name: str) -> str:
    return f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"


def _fish_quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


_COMPLETION = "completion"  # the word whose own word is a shell
_SHELLS: dict[str, Callable[[Sequence[Word]], Iterator[str]]] = {
    "bash": _bash, "zsh": _zsh, "fish": _fish,
}  # fmt: skip
