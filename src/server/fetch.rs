//! Small documents from elsewhere: draw records, beacons. Nothing that is fetched is trusted; whoever fetches, verifies.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::Uri;
use http::header::{HOST, USER_AGENT};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Gets `url` (http or https), at most `bytes_max` of it, within `limit`.
///
/// # Errors
/// It can't be reached, or answers with anything but 200.
pub async fn get(url: &str, bytes_max: usize, limit: Duration) -> Result<Vec<u8>> {
    let got = tokio::time::timeout(limit, fetch(url, bytes_max)).await;
    got.with_context(|| format!("no answer within {limit:?}"))
        .and_then(|got| got)
        .with_context(|| format!("can't get {url}"))
}

async fn fetch(url: &str, bytes_max: usize) -> Result<Vec<u8>> {
    let uri: Uri = url.parse().context("not a URL")?;
    let host = uri.host().context("a URL names a host")?.to_owned();
    let tls = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => bail!("only http and https are known here"),
    };
    let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
    if tls {
        let name = ServerName::try_from(host).context("not a name that a certificate could have")?;
        let connector = TlsConnector::from(Arc::new(trusting_the_system()?));
        ask(connector.connect(name, stream).await?, &uri, bytes_max).await
    } else {
        ask(stream, &uri, bytes_max).await
    }
}

async fn ask<S>(stream: S, uri: &Uri, bytes_max: usize) -> Result<Vec<u8>>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the sender.
    let connection = tokio::spawn(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = uri.authority().context("a URL names a host")?.as_str();
    let request = http::Request::get(path).header(HOST, authority).header(USER_AGENT, "liveroom");
    let response = sender.send_request(request.body(Empty::<Bytes>::new())?).await?;
    if response.status() != http::StatusCode::OK {
        connection.abort();
        bail!("it answers {}", response.status());
    }
    let body = Limited::new(response.into_body(), bytes_max).collect().await;
    connection.abort();
    Ok(body.map_err(|error| anyhow::anyhow!("{error}"))?.to_bytes().to_vec())
}

fn trusting_the_system() -> Result<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
