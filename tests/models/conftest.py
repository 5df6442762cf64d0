"""Tests of the training code: without the training extra they cannot even be imported."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("torch") else ["*"]
