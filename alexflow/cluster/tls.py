"""TLS for the lines between an engine and its agents.

The token proves that both ends belong together, and does not travel. What does travel, jobs and exceptions, is readable
on a network that is not yours, and can be changed there, unless the line is encrypted.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass

from alexflow.blocks_briefly import blocks_briefly
from alexflow.errors import DefinitionError


@dataclass(frozen=True)
class Certificates:
    """The certificates of an engine or an agent, as files in PEM. ::

        AgentExecutor("0.0.0.0:7788", tls=Certificates(cert="engine.pem", key="engine.key", ca="ca.pem"))

    An engine needs ``cert``; if it has ``ca``, agents need certificates of that authority as well. An agent needs
    ``ca``, which must have signed the engine's; names in certificates are not compared, as agents are given addresses.

    Attributes:
        ca: certificates of the authorities of which one must have signed the other end's.
        cert: the own certificate, and those between it and the authority.
        key: its key; by default it is in the same file.

    Raises:
        DefinitionError: a file cannot be read, or is none of that kind.
    """

    ca: str | os.PathLike[str] | None = None
    cert: str | os.PathLike[str] | None = None
    key: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        self._make(ssl.PROTOCOL_TLS_CLIENT)

    def of_engine(self) -> ssl.SSLContext:
        """Return the settings with which an engine listens.

        Raises:
            DefinitionError: it has no certificate.
        """
        if self.cert is None:
            raise DefinitionError("an engine that listens with TLS needs Certificates(cert=...)")
        context = self._make(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_NONE if self.ca is None else ssl.CERT_REQUIRED
        return context

    def of_agent(self) -> ssl.SSLContext:
        """Return the settings with which an agent dials.

        Raises:
            DefinitionError: it has no authority by which it knows its engine.
        """
        if self.ca is None:
            raise DefinitionError("an agent that dials with TLS needs the certificate of an authority: --tls-ca")
        return self._make(ssl.PROTOCOL_TLS_CLIENT)

    @blocks_briefly("once an engine: small files of this machine")
    def _make(self, protocol: int) -> ssl.SSLContext:
        context = ssl.SSLContext(protocol)
        context.check_hostname = False
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        for name in ("ca", "cert", "key"):
            path = getattr(self, name)
            if path is not None and not os.access(path, os.R_OK):
                raise DefinitionError(f"Certificates.{name}: {os.fspath(path)} cannot be read")
        if self.ca is not None:
            try:
                context.load_verify_locations(self.ca)
            except OSError as error:
                raise DefinitionError(f"Certificates.ca: {os.fspath(self.ca)} has no certificate in PEM") from error
        if self.cert is not None:
            try:
                context.load_cert_chain(self.cert, self.key, self._refuse_to_ask)
            except OSError as error:
                raise DefinitionError(self._why_not(error)) from error
        return context

    def _refuse_to_ask(self) -> str:
        """Replace the question for a password, which nothing may answer where an agent runs."""
        path = os.fspath(self.key or self.cert or "")
        raise DefinitionError(f"Certificates.key: {path} is encrypted; give one that is not, readable by you alone")

    def _why_not(self, error: OSError) -> str:
        """Return why the own certificate cannot be used."""
        cert = os.fspath(self.cert or "")
        if "MISMATCH" in (getattr(error, "reason", None) or ""):
            return f"Certificates.key: {os.fspath(self.key or cert)} is not the key of {cert}"
        if self.key is None:
            return f"Certificates.cert: {cert} has no certificate and key in PEM; Certificates.key names another file"
        return f"Certificates.cert: {cert} has no certificate, or {os.fspath(self.key)} no key, in PEM"
