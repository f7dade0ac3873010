"""Certificates for tests: an authority, and one certificate for 127.0.0.1 that servers and clients use."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VALID_DAYS = 7


class Certificates(NamedTuple):
    """PEM files: the authority's certificate, a certificate, its key, and both in one file as Kafka wants it."""

    authority: Path
    certificate: Path
    key: Path
    chain: Path


def make_certificates(folder: Path) -> Certificates:
    """Writes new certificates into a folder."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
    host = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    authority = _builder(root, root, root_key.public_key()).add_extension(x509.BasicConstraints(True, None), True)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    own = _builder(host, root, key.public_key()).add_extension(names, False)
    files = Certificates(*(folder / name for name in ("authority.pem", "certificate.pem", "key.pem", "chain.pem")))
    files.authority.write_bytes(_pem(authority.sign(root_key, hashes.SHA256())))
    files.certificate.write_bytes(_pem(own.sign(root_key, hashes.SHA256())))
    files.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    files.chain.write_bytes(files.key.read_bytes() + files.certificate.read_bytes())
    return files


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
    )
