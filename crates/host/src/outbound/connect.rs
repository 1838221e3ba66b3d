//! New connections to upstreams: TCP without delay, and TLS over it for `https`.

use std::{io, path::Path, sync::Arc};

use http::Uri;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::p3::bindings::http::types::{DnsErrorPayload, ErrorCode};

use crate::Error;

/// What a connection to an upstream is to the HTTP client: plain or TLS.
pub(super) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// Makes connections.
pub(super) struct Connector {
    tls: TlsConnector,
}

impl Connector {
    /// Trusts the public certificate authorities, and those in `ca_file` (PEM) besides.
    pub(super) fn new(ca_file: Option<&Path>) -> Result<Self, Error> {
        let mut roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        if let Some(path) = ca_file {
            add_roots(&mut roots, path).map_err(|reason| Error::File {
                path: path.to_owned(),
                reason,
            })?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|err| Error::Engine(err.into()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            tls: TlsConnector::from(Arc::new(config)),
        })
    }

    /// Connects to the origin of `uri`. Takes as long as it takes; the caller has the time limit.
    pub(super) async fn connect(&self, uri: &Uri) -> Result<Box<dyn Transport>, ErrorCode> {
        let https = uri.scheme_str() == Some("https");
        let host = uri.host().ok_or(ErrorCode::HttpRequestUriInvalid)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
        let addresses: Vec<_> = tokio::net::lookup_host((host, port))
            .await
            .map_err(|_| dns_error())?
            .collect();
        let stream = TcpStream::connect(&*addresses)
            .await
            .map_err(connect_error)?;
        // A request goes out in several segments, and the peer delays its acknowledgement by 40 ms.
        stream.set_nodelay(true).map_err(connect_error)?;
        if !https {
            return Ok(Box::new(stream));
        }
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| ErrorCode::HttpRequestUriInvalid)?;
        Ok(Box::new(
            self.tls.connect(name, stream).await.map_err(tls_error)?,
        ))
    }
}

fn add_roots(roots: &mut RootCertStore, path: &Path) -> Result<(), String> {
    let certificates = CertificateDer::pem_file_iter(path).map_err(|err| err.to_string())?;
    let before = roots.len();
    for certificate in certificates {
        let certificate = certificate.map_err(|err| err.to_string())?;
        roots.add(certificate).map_err(|err| err.to_string())?;
    }
    if roots.len() == before {
        Err("there is no certificate in it".into())
    } else {
        Ok(())
    }
}

fn dns_error() -> ErrorCode {
    ErrorCode::DnsError(DnsErrorPayload {
        rcode: Some("address not available".into()),
        info_code: None,
    })
}

fn connect_error(error: io::Error) -> ErrorCode {
    match error.kind() {
        io::ErrorKind::AddrNotAvailable => dns_error(),
        io::ErrorKind::TimedOut => ErrorCode::ConnectionTimeout,
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            ErrorCode::DestinationIpUnroutable
        }
        _ => ErrorCode::ConnectionRefused,
    }
}

fn tls_error(error: io::Error) -> ErrorCode {
    tracing::warn!(%error, "TLS with an upstream failed");
    match error
        .get_ref()
        .and_then(|error| error.downcast_ref::<rustls::Error>())
    {
        Some(rustls::Error::InvalidCertificate(_)) => ErrorCode::TlsCertificateError,
        _ => ErrorCode::TlsProtocolError,
    }
}
