//! `amqps://`: the tests' server behind TLS with a root of our own.

use std::{path::Path, sync::Arc};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use usm_queue::{
    ErrorKind, RabbitMqOptions,
    backend::Settlement,
    testing::{RabbitMq, soon},
};

use super::{Line, next, open, url};
use crate::certificates;

/// User with password, address and virtual host of a URL.
fn parts(url: &str) -> (&str, &str, &str) {
    let rest = url.split_once("://").unwrap().1;
    let (user, rest) = rest.rsplit_once('@').unwrap_or(("guest:guest", rest));
    let (address, vhost) = rest.split_once('/').unwrap_or((rest, "%2f"));
    (user, address, vhost)
}

/// Takes TLS connections and hands what they say to the tests' server; returns its port.
async fn behind_tls(dir: &Path) -> u16 {
    let chain = CertificateDer::pem_file_iter(dir.join("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(dir.join("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.map(Result::unwrap).collect(), key)
        .unwrap();
    let (acceptor, listener) =
        (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((plain, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not trust us hangs up.
                let Ok(mut inside) = acceptor.accept(plain).await else { return };
                let mut server = TcpStream::connect(parts(&url()).1).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut inside, &mut server).await;
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_works_over_tls_with_our_root_and_refuses_a_wrong_one() {
    let Some(_reachable) = open().await else { return };
    if !certificates::can_be_made() {
        return;
    }
    let (right, wrong) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    certificates::make(right.path());
    certificates::make(wrong.path());
    let root = |dir: &TempDir| std::fs::read_to_string(dir.path().join("root.pem")).unwrap();
    let port = behind_tls(right.path()).await;
    let url = url();
    let (user, _, vhost) = parts(&url);
    let options = || RabbitMqOptions::new(format!("amqps://{user}@localhost:{port}/{vhost}"));

    for untrusting in [options(), options().root_certificates(root(&wrong))] {
        let refused = soon("it is refused", RabbitMq::connect(untrusting)).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unavailable, "nobody trusts its root: {refused:?}");
        assert!(format!("{refused:?}").contains("ertificate"), "{refused:?}");
    }

    let broker = RabbitMq::connect(options().root_certificates(root(&right))).await.unwrap();
    let line = Line::declare(&*broker, |queue| queue).await;
    broker.publish(vec![line.message("sealed")]).await.unwrap();
    let delivery = next(&mut broker.consume(&line.name, 1).await.unwrap()).await;
    broker.settle(&delivery, Settlement::Ack).await.unwrap();
    assert_eq!(delivery.message.message_id, "sealed");
}
