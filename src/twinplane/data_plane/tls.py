"""The plane's certificate: made on first use by an authority of its own, which lies in the state folder.

The authority may sign names of this machine only, so that whoever trusts it trusts nothing else.
"""

import datetime
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from twinplane.data_plane.files import write_private

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

_AUTHORITY_DAYS, _AUTHORITY_LEAST_DAYS = 3650, 500
_SERVER_DAYS, _SERVER_LEAST_DAYS = 397, 60

# TLS libraries take no wildcard of two labels (*.localhost): virtual hosts are below s3.localhost.
_NAMES = (
    "localhost",
    "*.localhost",
    "s3.localhost",
    "*.s3.localhost",
    "s3-control.localhost",
    "*.s3-control.localhost",
)


@dataclass(frozen=True)
class Certificate:
    """Files in PEM. `authority` is what clients trust (AWS_CA_BUNDLE)."""

    authority: Path
    chain: Path
    key: Path


def authority_file(state: Path) -> Path:
    """Where a state folder keeps the certificate of its authority."""
    return state / "tls" / "ca.pem"


def certificate(state: Path, account_id: str, now: datetime.datetime | None = None) -> Certificate:
    """The certificate of the plane in this state folder; what is missing or soon over is made anew."""
    now = now or datetime.datetime.now(datetime.UTC)
    folder = state / "tls"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority = _Pair(authority_file(state), folder / "ca-key.pem")
    server = _Pair(folder / "server.pem", folder / "server-key.pem")
    if not authority.lasts(now, _AUTHORITY_LEAST_DAYS):
        authority.make(now, _AUTHORITY_DAYS, None, account_id)
        server.certificate.unlink(missing_ok=True)
    if not server.lasts(now, _SERVER_LEAST_DAYS):
        server.make(now, _SERVER_DAYS, authority, account_id)
    return Certificate(authority.certificate, server.certificate, server.key)


def context(of: Certificate) -> ssl.SSLContext:
    """What a server speaks TLS with: 1.2 and later."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.load_cert_chain(of.chain, of.key)
    return made


@dataclass(frozen=True)
class _Pair:
    certificate: Path
    key: Path

    def read(self) -> "tuple[x509.Certificate, ec.EllipticCurvePrivateKey]":
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        key: ec.EllipticCurvePrivateKey = load_pem_private_key(self.key.read_bytes(), None)  # type: ignore[assignment]
        return x509.load_pem_x509_certificate(self.certificate.read_bytes()), key

    def lasts(self, now: datetime.datetime, days: int) -> bool:
        """Whether there is a certificate with its own key that is good for so many days yet."""
        try:
            found, key = self.read()
        except (FileNotFoundError, ValueError):
            return False
        good_until = found.not_valid_after_utc - datetime.timedelta(days=days)
        return found.public_key() == key.public_key() and found.not_valid_before_utc <= now <= good_until

    def make(self, now: datetime.datetime, days: int, by: "_Pair | None", account_id: str) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name("Twinplane local authority" if by is None else "localhost")
        issuer, signer = (subject, key) if by is None else _issuer(by)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject).issuer_name(issuer).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=by is None, path_length=0 if by is None else None), critical=True)
            .add_extension(_usage(authority=by is None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        )  # fmt: skip
        if by is None:
            here: list[x509.GeneralName] = [
                x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_network("127.0.0.0/8")),
            ]  # fmt: skip
            builder = builder.add_extension(x509.NameConstraints(here, None), critical=True)
        else:
            names = [*_NAMES, f"{account_id}.localhost"]  # the host that S3's access grants are called at
            alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
            alternatives.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            builder = builder.add_extension(
                x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
            )
        made = builder.sign(signer, hashes.SHA256())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_private(self.key, private)  # the certificate last: a crash between them leaves a pair that does not match
        write_private(self.certificate, made.public_bytes(serialization.Encoding.PEM))


def _issuer(by: _Pair) -> "tuple[x509.Name, ec.EllipticCurvePrivateKey]":
    found, key = by.read()
    return found.subject, key


def _name(text: str) -> "x509.Name":
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _usage(*, authority: bool) -> "x509.KeyUsage":
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not authority, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=authority, crl_sign=authority, encipher_only=False, decipher_only=False,
    )  # fmt: skip
