"""The settings of a secured cluster become the options of each client library."""

from __future__ import annotations

import asyncio
import ssl
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from infra.errors import SettingsError
from infra.kafka.acls import ensure_access
from infra.kafka.client_config import LOG_CRITICAL, aiokafka_options, client_config, faust_credentials
from infra.kafka.pipeline_key import pipeline_key
from infra.settings import Settings
from tests.certificates import Certificates, make_certificates

END_S = 1_800_000_000


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def signer() -> str:
    """Returns the name of a provider that is called as Amazon's signer for MSK is."""
    module = ModuleType("signer_for_tests")
    module.sign = lambda region="nowhere": (f"token of {region}", END_S * 1_000)  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    return f"{module.__name__}:sign"


def settings(**values: Any) -> Settings:
    return Settings(_env_file=None, kafka_bootstrap_servers="broker:9092", **values)


def secrets(**values: Any) -> Settings:
    return settings(kafka_security="sasl", kafka_username="key", kafka_password="secret", **values)


def test_nothing_is_added_for_a_plain_broker() -> None:
    assert client_config(settings()) == {"bootstrap.servers": "broker:9092", "log_level": LOG_CRITICAL}
    assert aiokafka_options(settings()) == {"bootstrap_servers": "broker:9092"}
    assert faust_credentials(settings()) is None


def test_tls_with_a_client_certificate(files: Certificates) -> None:
    tls = settings(
        kafka_tls=True,
        kafka_ca_file=str(files.authority),
        kafka_certificate_file=str(files.certificate),
        kafka_key_file=str(files.key),
    )
    assert client_config(tls) == {
        "bootstrap.servers": "broker:9092",
        "log_level": LOG_CRITICAL,
        "security.protocol": "SSL",
        "ssl.endpoint.identification.algorithm": "https",
        "ssl.ca.location": str(files.authority),
        "ssl.certificate.location": str(files.certificate),
        "ssl.key.location": str(files.key),
    }
    options = aiokafka_options(tls)
    assert options["security_protocol"] == "SSL"
    assert options["ssl_context"].verify_mode is ssl.CERT_REQUIRED
    assert options["ssl_context"].check_hostname
    credentials: Any = faust_credentials(tls)
    assert (credentials.protocol.value, type(credentials.context)) == ("SSL", ssl.SSLContext)


def test_a_certificate_for_another_host_is_accepted_on_request_only(files: Certificates) -> None:
    tls = settings(kafka_tls=True, kafka_tls_check_host=False, kafka_ca_file=str(files.authority))
    assert client_config(tls)["ssl.endpoint.identification.algorithm"] == "none"
    context = aiokafka_options(tls)["ssl_context"]
    assert (context.check_hostname, context.verify_mode) == (False, ssl.CERT_REQUIRED)


@pytest.mark.parametrize(
    ("mechanism", "tls", "protocol"),
    [
        ("PLAIN", True, "SASL_SSL"),
        ("SCRAM-SHA-256", True, "SASL_SSL"),
        ("SCRAM-SHA-512", True, "SASL_SSL"),
        ("SCRAM-SHA-256", False, "SASL_PLAINTEXT"),
        ("SCRAM-SHA-512", False, "SASL_PLAINTEXT"),
    ],
)
def test_user_and_password_by_each_mechanism(mechanism: str, tls: bool, protocol: str) -> None:
    sasl = secrets(kafka_tls=tls, kafka_sasl_mechanism=mechanism)
    config, options = client_config(sasl, "admin"), aiokafka_options(sasl)
    login = [config[name] for name in ("security.protocol", "sasl.mechanism", "sasl.username", "sasl.password")]
    assert login == [protocol, mechanism, "key", "secret"]
    names = ("security_protocol", "sasl_mechanism", "sasl_plain_username", "sasl_plain_password")
    assert [options[name] for name in names] == login
    assert (options["ssl_context"] is not None) == tls
    credentials: Any = faust_credentials(sasl)
    told = [credentials.protocol.value, credentials.mechanism.value, credentials.username, credentials.password]
    assert told == login


@pytest.mark.parametrize(("argument", "token"), [("", "token of nowhere"), ("eu-west-1", "token of eu-west-1")])
def test_tokens_come_from_the_named_function(signer: str, argument: str, token: str) -> None:
    tokens = settings(
        kafka_security="sasl",
        kafka_tls=True,
        kafka_sasl_mechanism="OAUTHBEARER",
        kafka_token_provider=signer,
        kafka_token_argument=argument,
    )
    config, options = client_config(tokens), aiokafka_options(tokens)
    assert (config["sasl.mechanism"], config["oauth_cb"]("")) == ("OAUTHBEARER", (token, END_S))
    assert asyncio.run(options["sasl_oauth_token_provider"].token()) == token
    credentials: Any = faust_credentials(tokens)
    assert (credentials.mechanism.value, credentials.protocol.value) == ("OAUTHBEARER", "SASL_SSL")
    assert asyncio.run(credentials.oauth_cb.token()) == token


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({}, "KAFKA_SASL_MECHANISM=SCRAM-SHA-512 needs KAFKA_USERNAME and KAFKA_PASSWORD"),
        ({"kafka_sasl_mechanism": "PLAIN"}, "KAFKA_SASL_MECHANISM=PLAIN shows its secret .* set KAFKA_TLS=true"),
        ({"kafka_sasl_mechanism": "OAUTHBEARER"}, "KAFKA_SASL_MECHANISM=OAUTHBEARER shows its secret"),
        ({"kafka_sasl_mechanism": "OAUTHBEARER", "kafka_tls": True}, "OAUTHBEARER needs tokens; set KAFKA_TOKEN_PROV"),
        (
            {"kafka_sasl_mechanism": "OAUTHBEARER", "kafka_tls": True, "kafka_token_provider": "no_such_module:f"},
            "KAFKA_TOKEN_PROVIDER=no_such_module:f: No module named",
        ),
        (
            {"kafka_sasl_mechanism": "OAUTHBEARER", "kafka_tls": True, "kafka_token_provider": "json:no_such"},
            "KAFKA_TOKEN_PROVIDER=json:no_such: module 'json' has no attribute",
        ),
    ],
)
def test_a_login_that_lacks_something_is_refused_by_the_setting(values: dict[str, Any], refusal: str) -> None:
    for made in (client_config, aiokafka_options, faust_credentials):
        with pytest.raises(SettingsError, match=refusal):
            made(settings(kafka_security="sasl", **values))


def test_files_that_do_not_belong_together_are_refused(files: Certificates, tmp_path: Path) -> None:
    alone = settings(kafka_tls=True, kafka_certificate_file=str(files.certificate))
    with pytest.raises(SettingsError, match="KAFKA_CERTIFICATE_FILE and KAFKA_KEY_FILE belong together"):
        client_config(alone)
    broken = tmp_path / "broken.pem"
    broken.write_text("not PEM")
    with pytest.raises(SettingsError, match=f"KAFKA_CA_FILE={broken}"):
        client_config(settings(kafka_tls=True, kafka_ca_file=str(broken)))
    wrong = settings(kafka_tls=True, kafka_certificate_file=str(files.certificate), kafka_key_file=str(broken))
    with pytest.raises(SettingsError, match=r"KAFKA_KEY_FILE=.*belong together"):
        client_config(wrong)


def test_a_missing_file_is_refused_by_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no file"):
        settings(kafka_ca_file=str(tmp_path / "nowhere.pem"))


def test_secrets_are_not_shown() -> None:
    assert "secret" not in repr(secrets(kafka_key_password="secret"))


def test_rights_of_a_managed_cluster_are_its_owners(tmp_path: Path) -> None:
    """Nothing is asked of the broker, and records prove themselves: its ACLs are not known here."""
    managed = secrets(paper_home=tmp_path, pipeline_key="k")
    ensure_access(managed)
    assert pipeline_key(managed) is not None
