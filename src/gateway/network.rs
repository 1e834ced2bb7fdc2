//! Whose connections count together: those from one IPv4 address, or from one IPv6 /64, of which a single subscriber has all.

use std::net::{IpAddr, Ipv6Addr};

use http::HeaderMap;
use ipnet::IpNet;

/// Where a connection comes from, as far as it can be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(IpAddr);

/// The proxies whose word counts about whom they speak for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

/// The header in which proxies name those for whom they speak: each adds, at its end, whom it heard.
const FORWARDED_FOR: &str = "x-forwarded-for";

impl Network {
    /// Of an address. An IPv4 address is the same whichever way a socket spells it.
    pub fn of(address: IpAddr) -> Self {
        const HOST_BITS: u128 = u64::MAX as u128;
        Self(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !HOST_BITS).into(),
            address => address,
        })
    }
}

impl TrustedProxies {
    /// Those in these blocks of addresses.
    pub fn new(blocks: Vec<IpNet>) -> Self {
        Self(blocks)
    }

    /// Whether `peer` is one.
    pub(super) fn include(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.0.iter().any(|block| block.contains(&peer))
    }

    /// For whom a trusted proxy speaks: the last in its list that is no such proxy itself. What stands before may be made up.
    pub(super) fn client(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let lists = headers.get_all(FORWARDED_FOR).iter().rev().map(|list| list.to_str().unwrap_or_default());
        let named = lists.flat_map(|list| list.rsplit(',')).map(|one| address(one.trim()));
        // A word that is no address ends it: nothing before it was said by one who is trusted.
        named.map_while(|named| named).find(|named| !self.include(*named))
    }
}

/// Some proxies name the port, too, or put an IPv6 address in brackets.
fn address(word: &str) -> Option<IpAddr> {
    let bare = word.strip_prefix('[').and_then(|word| word.strip_suffix(']')).unwrap_or(word);
    bare.parse().ok().or_else(|| Some(word.parse::<std::net::SocketAddr>().ok()?.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_together() {
        let network = |text: &str| Network::of(text.parse().unwrap());
        for (one, other, together) in [
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("10.0.0.1", "::ffff:10.0.0.1", true),
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
        ] {
            assert_eq!(network(one) == network(other), together, "{one} {other}");
        }
    }

    #[test]
    fn for_whom_a_proxy_speaks() {
        let proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()]);
        for (peer, trusted) in
            [("10.1.2.3", true), ("::ffff:10.1.2.3", true), ("11.0.0.1", false), ("2001:db8::1", true)]
        {
            assert_eq!(proxies.include(peer.parse().unwrap()), trusted, "{peer}");
        }
        let rows: [(&str, &[&str], Option<&str>); 11] = [
            ("nobody", &[], None),
            ("one", &["1.2.3.4"], Some("1.2.3.4")),
            ("what a client says of itself stands before", &["6.6.6.6, 1.2.3.4"], Some("1.2.3.4")),
            ("through two proxies", &["1.2.3.4, 10.0.0.7"], Some("1.2.3.4")),
            ("each in a line of its own", &["6.6.6.6", "1.2.3.4", "10.0.0.7"], Some("1.2.3.4")),
            ("with a port", &["1.2.3.4:567"], Some("1.2.3.4")),
            ("an IPv6 address", &["2001:db9::5"], Some("2001:db9::5")),
            ("in brackets", &["[2001:db9::5]"], Some("2001:db9::5")),
            ("in brackets, with a port", &["[2001:db9::5]:567"], Some("2001:db9::5")),
            ("only proxies", &["10.0.0.8, 10.0.0.7"], None),
            ("no address", &["1.2.3.4, unknown"], None),
        ];
        for (case, lines, want) in rows {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(FORWARDED_FOR, line.parse().unwrap());
            }
            assert_eq!(proxies.client(&headers), want.map(|want| want.parse().unwrap()), "{case}");
        }
    }
}
