"""What of the section `mqtt` no service could use."""

from collections.abc import Sequence

from pipeline.config_file import ConfigError, nearest
from stages.config import MqttConfig
from stages.services.mqtt.broker import check_package, load_tls, parse_broker, read_login


def check_mqtt(mqtt: MqttConfig, labels: Sequence[str]) -> None:
    """Refuse what the service could not use; the broker itself is not called."""
    check_package()
    load_tls(parse_broker(mqtt.broker), mqtt.ca, mqtt.certificate, mqtt.key)
    read_login(mqtt.user, mqtt.password_file)
    for label in mqtt.labels:
        if label not in labels:
            raise ConfigError(
                f"mqtt.labels: expected labels of the model, got '{label}'{nearest(label, labels)}"
            )
