//! drand: a public source of values that nobody knows before their time, each signed by a group.

use std::fmt;

use drand_verify::{G1Pubkey, G2PubkeyRfc, Pubkey};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Digest, HexBytes};
use crate::rules::Time;

/// A drand chain, as its `/info` describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// Its name: a hash over what follows.
    pub hash: Digest,
    /// The group's public key.
    pub public_key: HexBytes,
    /// How rounds are signed.
    pub scheme: Scheme,
    /// Seconds from one round to the next.
    pub period_s: u32,
    /// When round 1 was, seconds since the epoch.
    pub genesis_s: i64,
    /// What the group began with.
    pub group_hash: Digest,
    /// Its short name; `default` for the first chain.
    pub beacon_id: String,
}

/// drand's schemes, by drand's names. (`bls-unchained-on-g1` is left out: its one public chain has ended.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scheme {
    /// Each round signs the one before, too.
    #[serde(rename = "pedersen-bls-chained")]
    Chained,
    /// Each round stands for itself.
    #[serde(rename = "pedersen-bls-unchained")]
    Unchained,
    /// As before, with short signatures.
    #[serde(rename = "bls-unchained-g1-rfc9380")]
    UnchainedG1,
}

/// One round's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beacon {
    /// Which round.
    pub round: u64,
    /// The group's signature; the value is its hash.
    pub signature: HexBytes,
    /// In a chained scheme, the signature of the round before; else empty.
    pub previous_signature: HexBytes,
}

/// What is wrong with a chain or a beacon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BeaconError {
    /// A chain is named by a hash over its parameters.
    #[error("the chain's hash is not the hash of its parameters")]
    ChainHash,
    /// Not a point on the curve that the scheme asks for.
    #[error("the chain's public key is no key of its scheme")]
    PublicKey,
    /// A chain needs a period.
    #[error("a chain's period is 1 second or more, and its beacon id at most 64 bytes")]
    Period,
    /// The group did not sign this.
    #[error("the signature is not the group's for this round")]
    Signature,
    /// Another round was announced.
    #[error("the rules name round {expected}, this is round {got}")]
    Round {
        /// The round of the rules.
        expected: u64,
        /// The round that came.
        got: u64,
    },
}

impl Chain {
    /// drand's chain `quicknet`: a round every three seconds.
    pub fn quicknet() -> Self {
        let hex = |text| HexBytes::parse(text).expect("hex by construction");
        let hash = |text| Digest::parse(text).expect("hex by construction");
        Self {
            hash: hash("52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971"),
            public_key: hex(
                "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a",
            ),
            scheme: Scheme::UnchainedG1,
            period_s: 3,
            genesis_s: 1_692_803_367,
            group_hash: hash("f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e"),
            beacon_id: "quicknet".to_owned(),
        }
    }

    /// Whether the chain is what its hash says, and its key a key.
    pub fn check(&self) -> Result<(), BeaconError> {
        if self.period_s == 0 || self.beacon_id.len() > 64 {
            return Err(BeaconError::Period);
        }
        let mut hash = Sha256::new();
        hash.update(self.period_s.to_be_bytes());
        hash.update(self.genesis_s.to_be_bytes());
        hash.update(&self.public_key.0);
        hash.update(self.group_hash.0);
        // The first chain had no name yet.
        if !self.beacon_id.is_empty() && self.beacon_id != "default" {
            hash.update(&self.beacon_id);
        }
        if self.hash != Digest(hash.finalize().into()) {
            return Err(BeaconError::ChainHash);
        }
        let key = &self.public_key.0;
        let valid = match self.scheme {
            Scheme::Chained | Scheme::Unchained => G1Pubkey::from_variable(key).is_ok(),
            Scheme::UnchainedG1 => G2PubkeyRfc::from_variable(key).is_ok(),
        };
        if valid { Ok(()) } else { Err(BeaconError::PublicKey) }
    }

    /// When a round comes to exist.
    pub fn time_of(&self, round: u64) -> Time {
        let after = i128::from(round.saturating_sub(1)) * i128::from(self.period_s);
        let ms = (i128::from(self.genesis_s) + after) * 1_000;
        Time::from_ms(i64::try_from(ms).unwrap_or(i64::MAX))
    }

    /// The first round that comes to exist at `time` or later.
    pub fn round_from(&self, time: Time) -> u64 {
        let since_ms = i128::from(time.ms()) - i128::from(self.genesis_s) * 1_000;
        let period_ms = i128::from(self.period_s.max(1)) * 1_000;
        let rounds = since_ms.max(0).div_euclid(period_ms) + i128::from(since_ms.max(0) % period_ms != 0);
        u64::try_from(rounds).unwrap_or(0) + 1
    }
}

impl Scheme {
    /// drand's name for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Chained => "pedersen-bls-chained",
            Self::Unchained => "pedersen-bls-unchained",
            Self::UnchainedG1 => "bls-unchained-g1-rfc9380",
        }
    }
}

impl Beacon {
    /// The value that the draw uses.
    pub fn randomness(&self) -> Digest {
        Digest::of(&self.signature.0)
    }

    /// Whether the chain's group signed this as its round `round`.
    pub fn verify(&self, chain: &Chain, round: u64) -> Result<(), BeaconError> {
        if self.round != round {
            return Err(BeaconError::Round { expected: round, got: self.round });
        }
        let (key, previous, signature) = (&chain.public_key.0, &self.previous_signature.0, &self.signature.0);
        if (chain.scheme == Scheme::Chained) == previous.is_empty() {
            return Err(BeaconError::Signature);
        }
        let signed = match chain.scheme {
            Scheme::Chained | Scheme::Unchained => {
                G1Pubkey::from_variable(key).map_err(|_| BeaconError::PublicKey)?.verify(round, previous, signature)
            }
            Scheme::UnchainedG1 => {
                G2PubkeyRfc::from_variable(key).map_err(|_| BeaconError::PublicKey)?.verify(round, previous, signature)
            }
        };
        if signed.unwrap_or(false) { Ok(()) } else { Err(BeaconError::Signature) }
    }
}

impl fmt::Display for Beacon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "round {}", self.round)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> HexBytes {
        HexBytes::parse(text).unwrap()
    }

    fn beacon(round: u64, signature: &str, previous: &str) -> Beacon {
        Beacon { round, signature: hex(signature), previous_signature: hex(previous) }
    }

    /// drand's first chain (`default`), as its `/info` says.
    fn mainnet() -> Chain {
        Chain {
            hash: Digest::parse("8990e7a9aaed2ffed73dbd7092123d6f289930540d7651336225dc172e51b2ce").unwrap(),
            public_key: hex(
                "868f005eb8e6e4ca0a47c8a77ceaa5309a47978a7c71bc5cce96366b5d7a569937c529eeda66c7293784a9402801af31",
            ),
            scheme: Scheme::Chained,
            period_s: 30,
            genesis_s: 1_595_431_050,
            group_hash: Digest::parse("176f93498eac9ca337150b46d21dd58673ea4e3581185f869672e59fa4cb390a").unwrap(),
            beacon_id: "default".to_owned(),
        }
    }

    const QUICKNET_123: &str =
        "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482e26cd02df835d3546d23c4b13e0dfc92";
    const MAINNET_72785: [&str; 2] = [
        "82f5d3d2de4db19d40a6980e8aa37842a0e55d1df06bd68bddc8d60002e8e959eb9cfa368b3c1b77d18f02a54fe047b80f0989315f83b12a74fd8679c4f12aae86eaf6ab5690b34f1fddd50ee3cc6f6cdf59e95526d5a5d82aaa84fa6f181e42",
        "a609e19a03c2fcc559e8dae14900aaefe517cb55c840f6e69bc8e4f66c8d18e8a609685d9917efbfb0c37f058c2de88f13d297c7e19e0ab24813079efe57a182554ff054c7638153f9b26a60e7111f71a0ff63d9571704905d3ca6df0b031747",
    ];

    #[test]
    fn chains_are_what_their_hash_says() {
        let changed = |change: fn(&mut Chain)| {
            let mut chain = Chain::quicknet();
            change(&mut chain);
            chain.check()
        };
        for (what, got, want) in [
            ("quicknet", Chain::quicknet().check(), Ok(())),
            ("mainnet", mainnet().check(), Ok(())),
            ("another period", changed(|chain| chain.period_s = 4), Err(BeaconError::ChainHash)),
            ("no period", changed(|chain| chain.period_s = 0), Err(BeaconError::Period)),
            ("another genesis", changed(|chain| chain.genesis_s += 1), Err(BeaconError::ChainHash)),
            ("another key", changed(|chain| chain.public_key.0[9] ^= 1), Err(BeaconError::ChainHash)),
            ("another name", changed(|chain| chain.beacon_id.push('x')), Err(BeaconError::ChainHash)),
            ("another scheme", changed(|chain| chain.scheme = Scheme::Chained), Err(BeaconError::PublicKey)),
        ] {
            assert_eq!(got, want, "{what}");
        }
    }

    #[test]
    fn recorded_rounds_verify_and_others_do_not() {
        let (quick, main) = (Chain::quicknet(), mainnet());
        let [signature, previous] = MAINNET_72785;
        let flipped = |at: usize| {
            let mut beacon = beacon(123, QUICKNET_123, "");
            beacon.signature.0[at] ^= 1;
            beacon
        };
        for (what, beacon, chain, round, want) in [
            ("quicknet 123", beacon(123, QUICKNET_123, ""), &quick, 123, Ok(())),
            ("mainnet 72785", beacon(72785, signature, previous), &main, 72785, Ok(())),
            (
                "another round than announced",
                beacon(123, QUICKNET_123, ""),
                &quick,
                124,
                Err(BeaconError::Round { expected: 124, got: 123 }),
            ),
            ("a round passed off as another", beacon(124, QUICKNET_123, ""), &quick, 124, Err(BeaconError::Signature)),
            ("its first byte", flipped(0), &quick, 123, Err(BeaconError::Signature)),
            ("its last byte", flipped(47), &quick, 123, Err(BeaconError::Signature)),
            ("a predecessor it has not", beacon(123, QUICKNET_123, "00"), &quick, 123, Err(BeaconError::Signature)),
            ("no predecessor", beacon(72785, signature, ""), &main, 72785, Err(BeaconError::Signature)),
            ("of another chain", beacon(123, QUICKNET_123, ""), &main, 123, Err(BeaconError::Signature)),
            ("nothing", beacon(123, "", ""), &quick, 123, Err(BeaconError::Signature)),
        ] {
            assert_eq!(beacon.verify(chain, round), want, "{what}");
        }
    }

    #[test]
    fn rounds_have_their_times() {
        let chain = Chain::quicknet();
        assert_eq!(chain.time_of(1).ms(), 1_692_803_367_000);
        assert_eq!(chain.time_of(1_000).ms(), 1_692_803_367_000 + 999 * 3_000);
        for (ms, round) in [(0, 1), (1, 2), (3_000, 2), (3_001, 3), (-5, 1)] {
            assert_eq!(chain.round_from(Time::from_ms(1_692_803_367_000 + ms)), round, "{ms} ms after the first");
        }
    }
}
