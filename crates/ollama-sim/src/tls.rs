//! A certificate of the simulator's own.

use std::{fmt, io, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

/// A certificate and its key, as [`Options::tls`](crate::Options::tls) takes them.
#[derive(Clone)]
pub struct Identity {
    config: Arc<ServerConfig>,
    ca_pem: String,
}

impl Identity {
    /// A certificate for these names, signed by an authority made for it alone; whoever is to trust it needs
    /// [`Identity::ca_pem`].
    ///
    /// # Errors
    /// A name that is neither a DNS name nor an IP address.
    pub fn generate<S: Into<String>>(names: impl IntoIterator<Item = S>) -> io::Result<Self> {
        let mut ca = CertificateParams::default();
        ca.distinguished_name
            .push(DnType::CommonName, "Ollama simulator");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority =
            CertifiedIssuer::self_signed(ca, KeyPair::generate().map_err(io::Error::other)?)
                .map_err(io::Error::other)?;
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = CertificateParams::new(names)
            .and_then(|params| params.signed_by(&key, &authority))
            .map_err(io::Error::other)?;
        Self::from_pem(&certificate.pem(), &key.serialize_pem(), authority.pem())
    }

    /// A certificate chain and a key in PEM, and the authority that signed them.
    ///
    /// # Errors
    /// Not PEM, or a key that does not fit the certificate.
    pub fn from_pem(chain_pem: &str, key_pem: &str, ca_pem: String) -> io::Result<Self> {
        let chain = CertificateDer::pem_slice_iter(chain_pem.as_bytes()).collect::<Result<_, _>>();
        let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(
                chain.map_err(io::Error::other)?,
                key.map_err(io::Error::other)?,
            )
            .map_err(io::Error::other)?;
        Ok(Self {
            config: Arc::new(config),
            ca_pem,
        })
    }

    /// The authority's certificate in PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}
