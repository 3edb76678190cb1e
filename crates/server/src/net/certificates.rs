//! Every certificate of a node: read together, and renewed together by a reload. Connections that are up keep
//! the one they were set up with.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::config::{Config, Http};
use crate::net::tls::{Acceptor, CertificateError, Connector, Renewable, http_acceptor, sip_acceptor};
use crate::net::tls_client::connector;
use crate::notifier::Desk;
use crate::requests::{Connectors, connectors};
use crate::stir::Trust;

/// What TLS is set up with.
pub struct Certificates {
    /// The listeners of SIP over TLS, as configured at the start.
    pub sip: Vec<(SocketAddr, Acceptor)>,
    /// HTTPS; `None` is plain HTTP.
    pub http: Option<Acceptor>,
    /// Connections of ours.
    pub client: Connector,
    /// Signatures of carriers.
    pub stir: Renewable<Arc<Trust>>,
    /// Other systems that flows ask.
    pub endpoints: Renewable<Arc<Connectors>>,
    /// Who is told of emergency calls.
    pub desk: Renewable<Arc<Desk>>,
}

/// Certificates read anew, all of them good.
pub struct Renewed {
    /// For the listeners of the start that still are configured, in their order.
    sip: Vec<Option<TlsAcceptor>>,
    http: Option<TlsAcceptor>,
    client: TlsConnector,
    stir: Trust,
    endpoints: Connectors,
    desk: Desk,
}

impl Certificates {
    /// Reads all of them; the first that cannot be used ends the start.
    pub fn read(config: &Config) -> Result<Self, CertificateError> {
        let sip = config.sip.tls.iter().map(|it| Ok((it.address, Renewable::new(sip_acceptor(it)?))));
        Ok(Self {
            sip: sip.collect::<Result<_, CertificateError>>()?,
            http: of_http(&config.http)?.map(Renewable::new),
            client: Renewable::new(connector(&config.sip.tls_client)?),
            stir: Renewable::new(Arc::new(Trust::read(&config.stir)?)),
            endpoints: Renewable::new(Arc::new(connectors(&config.endpoints)?)),
            desk: Renewable::new(Arc::new(Desk::read(config.emergency.as_ref())?)),
        })
    }

    /// Reads all of them again; nothing changes yet.
    pub fn read_anew(&self, config: &Config) -> Result<Renewed, CertificateError> {
        let listeners = self.sip.iter().map(|(address, _)| {
            let configured = config.sip.tls.iter().find(|listener| listener.address == *address);
            configured.map(sip_acceptor).transpose()
        });
        Ok(Renewed {
            sip: listeners.collect::<Result<_, _>>()?,
            http: of_http(&config.http)?,
            client: connector(&config.sip.tls_client)?,
            stir: Trust::read(&config.stir)?,
            endpoints: connectors(&config.endpoints)?,
            desk: Desk::read(config.emergency.as_ref())?,
        })
    }

    /// New connections are set up with these.
    pub fn renew(&self, renewed: Renewed) {
        for ((_, running), read) in self.sip.iter().zip(renewed.sip) {
            if let Some(read) = read {
                running.renew(read);
            }
        }
        if let Some((running, read)) = self.http.as_ref().zip(renewed.http) {
            running.renew(read);
        }
        self.client.renew(renewed.client);
        self.stir.renew(Arc::new(renewed.stir));
        self.endpoints.renew(Arc::new(renewed.endpoints));
        self.desk.renew(Arc::new(renewed.desk));
    }
}

fn of_http(http: &Http) -> Result<Option<TlsAcceptor>, CertificateError> {
    let files = http.certificate.as_deref().zip(http.key.as_deref());
    files.map(|(certificate, key)| http_acceptor(certificate, key)).transpose()
}
