//! What an entrant holds: the server's word, signed, that the ticket is in.

use serde::{Deserialize, Serialize};

use super::{Digest, DrawRecord, HexBytes};
use crate::rules::UserId;

/// A receipt, as an entrant keeps it. Its signature (Ed25519) is over [`DrawReceipt::signed`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawReceipt {
    /// Which draw.
    pub draw: String,
    /// The hash of its rules.
    pub rules_hash: Digest,
    /// The commitment to its seed.
    pub commitment: Digest,
    /// The ticket: the entrant's user id.
    pub ticket: UserId,
    /// Its place among the entries, from 0.
    pub leaf: u64,
    /// The public key.
    pub key: Digest,
    /// The signature.
    pub signature: HexBytes,
}

/// What a receipt shows against a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptFault {
    /// It proves nothing about this record.
    #[error("the receipt is for another draw")]
    OtherDraw,
    /// It proves nothing about this record.
    #[error("the receipt is signed with a key that the rules do not name")]
    OtherKey,
    /// The signer promised another thing than was drawn by.
    #[error("FRAUD: the receipt was signed for other rules or another commitment than the record shows")]
    OtherTerms,
    /// The signer promised a place that is not there.
    #[error("FRAUD: the server signed this ticket in, and the record does not have it")]
    Missing,
}

impl ReceiptFault {
    /// Whether it proves that somebody with the server's key cheated.
    pub fn is_fraud(self) -> bool {
        matches!(self, Self::OtherTerms | Self::Missing)
    }
}

impl DrawReceipt {
    /// The bytes that are signed: each part behind its length, as four bytes, the highest first.
    pub fn signed(&self) -> Vec<u8> {
        let leaf = self.leaf.to_be_bytes();
        let parts: [&[u8]; 6] = [
            b"liveroom-draw-receipt-v1",
            self.draw.as_bytes(),
            &self.rules_hash.0,
            &self.commitment.0,
            self.ticket.as_str().as_bytes(),
            &leaf,
        ];
        parts
            .iter()
            .flat_map(|part| (part.len() as u32).to_be_bytes().into_iter().chain(part.iter().copied()))
            .collect()
    }

    /// Whether a record keeps what the receipt promises. The signature must have been checked.
    pub fn against(&self, record: &DrawRecord) -> Result<(), ReceiptFault> {
        if self.draw != record.draw {
            return Err(ReceiptFault::OtherDraw);
        }
        if self.key != record.rules.receipt_key {
            return Err(ReceiptFault::OtherKey);
        }
        if self.rules_hash != record.rules_hash || self.commitment != record.commitment {
            return Err(ReceiptFault::OtherTerms);
        }
        let place = usize::try_from(self.leaf).ok();
        if place.and_then(|place| record.entries.get(place)) != Some(&self.ticket) {
            return Err(ReceiptFault::Missing);
        }
        Ok(())
    }
}
