//! How a QUIC endpoint outlives its process.
//!
//! A server that was killed and started again knows nothing of the connections that its viewers still believe in. It can
//! tell them so ([RFC 9000], section 10.3) if it kept the key of its former life; else only silence would.
//!
//! [RFC 9000]: https://www.rfc-editor.org/rfc/rfc9000#section-10.3

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use aws_lc_rs::hmac;
use quinn::{ConnectionId, ConnectionIdGenerator, EndpointConfig};

use super::development::keep;

/// Where the key is, in the data directory.
const KEY: &str = "quic.key";

/// One answer at most to packets of connections that are lost, each smaller than the packet: often enough for a crowd to
/// hear it within seconds.
const RESET_INTERVAL: Duration = Duration::from_micros(200);

/// The settings of an endpoint that speaks for the earlier ones of this directory, too.
///
/// # Errors
/// When the key can't be kept.
pub(super) fn config(data_dir: &Path) -> io::Result<EndpointConfig> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key(data_dir)?);
    let mut config = EndpointConfig::new(Arc::new(key));
    config.cid_generator(|| Box::new(RandomIds)).min_reset_interval(RESET_INTERVAL);
    Ok(config)
}

/// The key of an earlier start, or a new one.
fn key(data_dir: &Path) -> io::Result<Vec<u8>> {
    let path = data_dir.join(KEY);
    let mut key = fs::read(&path).unwrap_or_default();
    if key.len() != 32 {
        key = vec![0; 32];
        aws_lc_rs::rand::fill(&mut key).map_err(io::Error::other)?;
        keep(&path, &key, 0o600)?;
    }
    Ok(key)
}

/// Names connections by chance alone: any name may be one that an earlier process gave.
struct RandomIds;

impl ConnectionIdGenerator for RandomIds {
    fn generate_cid(&mut self) -> ConnectionId {
        let mut id = [0; 8];
        aws_lc_rs::rand::fill(&mut id).expect("the system gave randomness at the start");
        ConnectionId::new(&id)
    }

    fn cid_len(&self) -> usize {
        8
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_stays_unless_it_is_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let first = key(dir.path()).unwrap();
        assert_eq!(key(dir.path()).unwrap(), first);
        fs::write(dir.path().join(KEY), "damaged").unwrap();
        assert_ne!(key(dir.path()).unwrap(), first);
    }
}
