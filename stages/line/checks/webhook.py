"""What of the section `webhook` no service could send."""

from collections.abc import Sequence

import msgspec

from stages.events.webhook_config import WebhookConfig
from stages.services.webhook.options import TargetOptions, check_target


def check_webhook(webhook: WebhookConfig, cameras: Sequence[str], labels: Sequence[str]) -> None:
    """Refuse targets that could not be asked, or that no event could be for."""
    for name, target in webhook.targets.items():
        options = msgspec.convert(msgspec.to_builtins(target), TargetOptions)
        check_target(f"webhook.targets.{name}", options, cameras, labels)
