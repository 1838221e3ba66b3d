//! New connections to upstreams: TCP without delay, and TLS over it for `https`.
//!
//! A name with several addresses is tried as RFC 8305 has it: kinds of addresses in turn, each attempt begun when the one before
//! has failed or taken long. So a network that swallows one kind costs a quarter of a second and not the whole time limit.

use std::{io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use futures::{StreamExt, stream::FuturesUnordered};
use http::Uri;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::p3::bindings::http::types::{DnsErrorPayload, ErrorCode};

use crate::{Error, descriptors};

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
        let addresses = tokio::net::lookup_host((host, port))
            .await
            .map_err(|_| lookup_error())?;
        let stream = connect_to_first(in_turn(addresses.collect()))
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

/// The addresses with their kinds in turn, each kind in the resolver's order and the resolver's first one first.
fn in_turn(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let is_first = addresses.first().is_none_or(SocketAddr::is_ipv6);
    let (mut first, mut second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .rev()
        .partition(|address| address.is_ipv6() == is_first);
    let mut turns = Vec::with_capacity(first.len() + second.len());
    while !first.is_empty() || !second.is_empty() {
        turns.extend(first.pop());
        turns.extend(second.pop());
    }
    turns
}

/// The first connection that comes about. The error is one of the process's own limits if there was one, else the last.
async fn connect_to_first(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut rest = addresses.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    loop {
        attempts.extend(rest.next().map(attempt));
        let ended = if rest.len() == 0 {
            attempts.next().await
        } else {
            match timeout(ATTEMPT_DELAY, attempts.next()).await {
                Ok(ended) => ended,
                Err(_) => continue,
            }
        };
        match ended {
            Some(Ok(stream)) => return Ok(stream),
            Some(Err(_)) if descriptors::is_own_limit(&failure) => {}
            Some(Err(error)) => failure = error,
            None => return Err(failure),
        }
    }
}

async fn attempt(address: SocketAddr) -> io::Result<TcpStream> {
    let connected = TcpStream::connect(address).await;
    connected.map_err(|error| match error.kind() {
        // A machine without IPv6 has no address to come from. With IPv4 the same error says that no port is left.
        io::ErrorKind::AddrNotAvailable if address.is_ipv6() => {
            io::ErrorKind::NetworkUnreachable.into()
        }
        _ => error,
    })
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

/// The resolver needs descriptors too, and does not say when it had none.
fn lookup_error() -> ErrorCode {
    if descriptors::are_used_up() {
        ErrorCode::ConnectionLimitReached
    } else {
        dns_error()
    }
}

fn dns_error() -> ErrorCode {
    ErrorCode::DnsError(DnsErrorPayload {
        rcode: Some("address not available".into()),
        info_code: None,
    })
}

fn connect_error(error: io::Error) -> ErrorCode {
    if descriptors::is_own_limit(&error) {
        tracing::warn!(%error, "an upstream could not be connected to");
        return ErrorCode::ConnectionLimitReached;
    }
    match error.kind() {
        io::ErrorKind::NotFound => dns_error(),
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

/// RFC 8305's Connection Attempt Delay.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(60);

    /// An address where attempts are neither taken nor refused, and what must live for that: a listener whose queue is full.
    async fn silent_address() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        while let Ok(stream) =
            timeout(Duration::from_millis(200), TcpStream::connect(address)).await
        {
            queued.push(stream.unwrap());
        }
        (address, listener, queued)
    }

    async fn refusing_address() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    }

    #[tokio::test]
    async fn an_address_that_swallows_attempts_does_not_hold_up_the_next() {
        let (silent, _listener, _queued) = silent_address().await;
        let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = open.local_addr().unwrap();
        let connected = timeout(DEADLINE, connect_to_first(vec![silent, address])).await;
        let stream = connected.expect("it waits for the silent one").unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address);
    }

    #[tokio::test]
    async fn a_refused_attempt_is_followed_by_the_next_at_once() {
        let refusing = refusing_address().await;
        let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // To wait after each of them would take longer than the deadline.
        let mut addresses = vec![refusing; 300];
        addresses.push(open.local_addr().unwrap());
        let connected = timeout(DEADLINE, connect_to_first(addresses)).await;
        connected.expect("it took its time").unwrap();
    }

    #[tokio::test]
    async fn when_every_attempt_failed_it_says_why() {
        let refusing = refusing_address().await;
        let failed = timeout(DEADLINE, connect_to_first(vec![refusing, refusing])).await;
        let error = failed.expect("it hangs").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        let nothing = connect_to_first(Vec::new()).await.unwrap_err();
        assert!(matches!(connect_error(nothing), ErrorCode::DnsError(_)));
    }

    #[test]
    fn kinds_of_addresses_take_turns() {
        let addresses = ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"];
        let turns = in_turn(addresses.map(|text| text.parse().unwrap()).into());
        let turns: Vec<_> = turns.iter().map(ToString::to_string).collect();
        assert_eq!(
            turns,
            ["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]
        );
    }

    #[test]
    fn a_limit_of_this_process_is_not_the_upstreams_fault() {
        for errno in [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE] {
            let error = io::Error::from_raw_os_error(errno.raw_os_error());
            assert!(matches!(
                connect_error(error),
                ErrorCode::ConnectionLimitReached
            ));
        }
    }
}
