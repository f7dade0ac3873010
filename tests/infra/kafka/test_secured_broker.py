"""A broker with TLS and logins takes every client library that presents what it demands, and no other."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

from infra.errors import SettingsError
from infra.kafka.client_config import aiokafka_options, client_config
from infra.kafka.diagnosis import demand_login
from infra.settings import Settings
from infra.stack import local_stack
from infra.stack.kafka_server import KafkaServer
from infra.stack.server_process import Launch, Progress
from tests import stacks
from tests.certificates import Certificates, make_certificates

TIMEOUT_S = 30
REFUSED_S = 1
MODULES = "org.apache.kafka.common.security"
TOKEN_S = 600


class SecuredKafkaServer(KafkaServer):
    """The local broker with two more listeners: one demands client certificates, the other a login over TLS."""

    def __init__(self, files: Certificates, mutual: int, login: int) -> None:
        self.files, self.mutual, self.login = files, mutual, login

    def prepare(self, settings: Settings, progress: Progress) -> Launch:
        launch = super().prepare(settings, progress)
        port, controller = settings.kafka_host_port[1], settings.kafka_controller_port
        listeners = {"PLAINTEXT": port, "MUTUAL": self.mutual, "LOGIN": self.login}
        advertised = ",".join(f"{name}://127.0.0.1:{number}" for name, number in listeners.items())
        more = {
            "listeners": f"{advertised},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": advertised,
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,MUTUAL:SSL,LOGIN:SASL_SSL",
            "inter.broker.listener.name": "PLAINTEXT",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.files.chain),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.files.authority),
            "listener.name.mutual.ssl.client.auth": "required",
            "listener.name.login.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,OAUTHBEARER",
            "listener.name.login.plain.sasl.jaas.config": (
                f'{MODULES}.plain.PlainLoginModule required user_key="secret";'
            ),
            "listener.name.login.scram-sha-256.sasl.jaas.config": f"{MODULES}.scram.ScramLoginModule required;",
            "listener.name.login.oauthbearer.sasl.jaas.config": (
                f'{MODULES}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";'
            ),
        }
        with Path(launch.command[-1]).open("a") as properties:
            properties.writelines(f"{name}={value}\n" for name, value in more.items())
        return launch


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory, files: Certificates) -> Iterator[SecuredKafkaServer]:
    server = SecuredKafkaServer(files, stacks.free_port(), stacks.free_port())
    plain = stacks.free_settings(tmp_path_factory.mktemp("home"))
    try:
        local_stack.up(plain, (server,))
        admin = AdminClient(client_config(plain))
        how = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4_096)
        (made,) = admin.alter_user_scram_credentials([UserScramCredentialUpsertion("key", how, b"secret")]).values()
        made.result(TIMEOUT_S)
        yield server
    finally:
        local_stack.down(plain, (server,), purge=True)


def unsecured_token() -> tuple[str, int]:
    """Returns a token without a signature, and its end in ms."""
    now = int(time.time())
    parts = {"alg": "none"}, {"sub": "key", "iat": now, "exp": now + TOKEN_S}
    coded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*coded, ""]), (now + TOKEN_S) * 1_000


def settings(files: Certificates, port: int, **values: Any) -> Settings:
    return Settings(
        _env_file=None,
        kafka_bootstrap_servers=f"127.0.0.1:{port}",
        kafka_tls=True,
        **{"kafka_ca_file": str(files.authority), **values},
    )


def brokers_found(secured: Settings) -> tuple[int, int]:
    """Returns the numbers of brokers that librdkafka and aiokafka see."""
    return len(AdminClient(client_config(secured)).list_topics(timeout=TIMEOUT_S).brokers), asyncio.run(_seen(secured))


async def _seen(secured: Settings) -> int:
    client = AIOKafkaAdminClient(**aiokafka_options(secured))
    await client.start()
    try:
        return len((await client.describe_cluster())["brokers"])
    finally:
        await client.close()


def test_a_client_certificate_opens(own_server: SecuredKafkaServer, files: Certificates) -> None:
    own = {"kafka_certificate_file": str(files.certificate), "kafka_key_file": str(files.key)}
    assert brokers_found(settings(files, own_server.mutual, **own)) == (1, 1)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_a_password_opens(own_server: SecuredKafkaServer, files: Certificates, mechanism: str) -> None:
    login = {"kafka_security": "sasl", "kafka_username": "key", "kafka_password": "secret"}
    secured = settings(files, own_server.login, kafka_sasl_mechanism=mechanism, **login)
    assert brokers_found(secured) == (1, 1)
    with pytest.raises(SettingsError, match=r"refuses key: .*check KAFKA_USERNAME, KAFKA_PASSWORD"):
        demand_login(secured.model_copy(update={"kafka_password": "wrong"}))


def test_a_token_opens(own_server: SecuredKafkaServer, files: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("unsecured_signer")
    module.sign = unsecured_token  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    tokens = {"kafka_sasl_mechanism": "OAUTHBEARER", "kafka_token_provider": "unsecured_signer:sign"}
    assert brokers_found(settings(files, own_server.login, kafka_security="sasl", **tokens)) == (1, 1)


def test_strangers_are_refused(own_server: SecuredKafkaServer, files: Certificates, tmp_path: Path) -> None:
    """Neither does the broker take a client without certificate, nor a client a broker of another authority."""
    other = make_certificates(tmp_path)
    own = {"kafka_certificate_file": str(files.certificate), "kafka_key_file": str(files.key)}
    stranger = settings(files, own_server.mutual)
    deceived = settings(files, own_server.mutual, **own | {"kafka_ca_file": str(other.authority)})
    for secured in (stranger, deceived):
        with pytest.raises(KafkaException):
            AdminClient(client_config(secured) | {"log_level": 0}).list_topics(timeout=REFUSED_S)
