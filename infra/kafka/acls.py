"""Passwords and ACLs on the cluster: creates and deletes them so that they match infra/kafka/access.py."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from infra.errors import AccessError
from infra.kafka.access import ROLES, Rule, rules
from infra.kafka.client_config import client_config
from infra.kafka.credentials import make_password, password_file, read_password
from infra.principal import ADMIN, PRINCIPAL_NAME
from infra.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient, UserScramCredentialAlteration

ADMIN_TIMEOUT_S = 30.0
POLL_S = 0.02
SCRAM_ITERATIONS = 8192
ANYWHERE = "*"


def ensure_access(settings: Settings) -> None:
    """Gives each principal a password and exactly the ACLs of its role on this pipeline. May be called at any time.

    Leaves other principals and the ACLs of other pipelines alone. Does nothing without KAFKA_SECURITY=scram.

    Raises:
        AccessError: the broker refused a change.
    """
    if settings.kafka_security != "scram":
        return
    admin = _admin(settings)
    _ensure_passwords(settings, admin, tuple(ROLES))
    wanted = {rule for principal, role in ROLES.items() for rule in rules(settings, principal, role)}
    places, own = {rule.place for rule in wanted}, {f"User:{principal}" for principal in ROLES}
    present = _present(admin)
    _delete(admin, {rule for rule in present if rule.principal in own and rule.place in places} - wanted)
    _create(admin, wanted - present)


def add_principal(settings: Settings, principal: str, role: str) -> None:
    """Gives a new principal a password and the ACLs of a role on this pipeline.

    Raises:
        AccessError: the role is unknown, the name is reserved, or the broker refused a change.
    """
    if role not in ROLES:
        raise AccessError(f"role {role}: must be one of {', '.join(ROLES)}")
    _demand_own(settings, principal)
    admin = _admin(settings)
    _ensure_passwords(settings, admin, (principal,))
    _create(admin, rules(settings, principal, ROLES[role]) - _present(admin))


def remove_principal(settings: Settings, principal: str) -> None:
    """Deletes a principal's password and all its ACLs. An open connection of it stays, without any rights.

    Raises:
        AccessError: the principal belongs to the stack, or the broker refused a change.
    """
    from confluent_kafka.admin import ScramMechanism, UserScramCredentialDeletion

    _demand_own(settings, principal)
    admin = _admin(settings)
    _delete(admin, {rule for rule in _present(admin) if rule.principal == f"User:{principal}"})
    if principal in _known(admin):
        gone = UserScramCredentialDeletion(principal, ScramMechanism.SCRAM_SHA_512)
        _settle(admin.alter_user_scram_credentials([gone]).values(), f"the password of {principal}")
    password_file(settings, principal).unlink(missing_ok=True)


def remove_access(settings: Settings, prefix: str) -> None:
    """Deletes all ACLs on names with a prefix, for a pipeline whose topics were deleted. Raises AccessError."""
    assert prefix, "an empty prefix would delete the ACLs of all pipelines"
    if settings.kafka_security != "scram":
        return
    admin = _admin(settings)
    _delete(admin, {rule for rule in _present(admin) if rule.name.startswith(prefix)})


def principals(settings: Settings) -> dict[str, list[str]]:
    """Returns every principal with a password, and the topics of this pipeline that it may write.

    Raises AccessError.
    """
    admin = _admin(settings)
    present = _present(admin)
    return {name: sorted(_written(settings, present, name)) for name in sorted(_known(admin))}


def _written(settings: Settings, present: Collection[Rule], principal: str) -> set[str]:
    return {
        rule.name.removeprefix(settings.topic_prefix)
        for rule in present
        if (rule.principal, rule.resource, rule.operation) == (f"User:{principal}", "TOPIC", "WRITE")
        and rule.name.startswith(settings.topic_prefix)
    }


def _demand_own(settings: Settings, principal: str) -> None:
    if settings.kafka_security != "scram":
        raise AccessError("principals need KAFKA_SECURITY=scram; docs/access.md describes how to switch it on")
    if principal in (ADMIN, *ROLES):
        raise AccessError(f"principal {principal}: the name belongs to the stack; choose another name")
    if not principal or not re.match(PRINCIPAL_NAME, principal):
        raise AccessError(f"principal {principal!r}: a name may have letters, digits, '.', '_' and '-' only")


def _admin(settings: Settings) -> AdminClient:
    from confluent_kafka.admin import AdminClient

    return AdminClient(client_config(settings, ADMIN))


def _ensure_passwords(settings: Settings, admin: AdminClient, names: Iterable[str]) -> None:
    """Sets the password of each principal that has no password file or that the broker does not know."""
    from confluent_kafka.admin import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

    known = _known(admin)
    changes: list[UserScramCredentialAlteration] = []
    for name in names:
        has_file = password_file(settings, name).exists()
        if has_file and name in known:
            continue
        password = read_password(settings, name) if has_file else make_password(settings, name)
        how = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, SCRAM_ITERATIONS)
        changes.append(UserScramCredentialUpsertion(name, how, password.encode()))
    if changes:
        _settle(admin.alter_user_scram_credentials(changes).values(), "passwords")


def _known(admin: AdminClient) -> set[str]:
    """Returns the principals that have a password on the broker."""
    answer: Any = admin.describe_user_scram_credentials()
    return set(_result(answer, "the principals"))


def _present(admin: AdminClient) -> set[Rule]:
    """Returns all ACLs that allow an operation from any host."""
    from confluent_kafka.admin import AclBindingFilter, AclPermissionType

    anything: Any = None  # The client documents None here, but its type hints forbid it.
    everything = AclBindingFilter("ANY", anything, "ANY", anything, anything, "ANY", "ANY")
    return {
        Rule(acl.principal, acl.restype.name, acl.resource_pattern_type.name, acl.name, acl.operation.name)
        for acl in _result(admin.describe_acls(everything), "the ACLs")
        if acl.permission_type is AclPermissionType.ALLOW and acl.host == ANYWHERE
    }


def _create(admin: AdminClient, wanted: Collection[Rule]) -> None:
    """Creates ACLs and waits until the broker, which learns of them from the controller, enforces them."""
    from confluent_kafka.admin import AclBinding

    if not wanted:
        return
    _settle(admin.create_acls([AclBinding(*_terms(rule)) for rule in wanted]).values(), "an ACL")
    deadline = time.monotonic() + ADMIN_TIMEOUT_S
    while not set(wanted) <= _present(admin):
        if time.monotonic() > deadline:
            raise AccessError(f"ACLs are not in force after {ADMIN_TIMEOUT_S:.0f} s; read kafka's log")
        time.sleep(POLL_S)


def _delete(admin: AdminClient, unwanted: Collection[Rule]) -> None:
    from confluent_kafka.admin import AclBindingFilter

    if unwanted:
        _settle(admin.delete_acls([AclBindingFilter(*_terms(rule)) for rule in unwanted]).values(), "an ACL")


def _terms(rule: Rule) -> tuple[str, str, str, str, str, str, str]:
    return rule.resource, rule.name, rule.pattern, rule.principal, ANYWHERE, rule.operation, "ALLOW"


def _settle(futures: Iterable[Future[Any]], what: str) -> None:
    for future in list(futures):
        _result(future, what)


def _result(future: Future[Any], what: str) -> Any:
    from confluent_kafka import KafkaException

    try:
        return future.result(ADMIN_TIMEOUT_S)
    except KafkaException as error:
        raise AccessError(f"{what}: the broker refused it: {error.args[0].str()}") from error
