//! Receipts for entries of draws: signed here, outside of what decides, with a key of the operator's.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use crate::rules::{Digest, DrawReceipt, HexBytes};
use crate::store::DrawEntry;

/// The key that receipts are signed with (Ed25519).
pub struct ReceiptKey {
    pair: Ed25519KeyPair,
    public: Digest,
}

/// Not an Ed25519 key in PKCS #8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 key in PKCS #8")]
pub struct NoReceiptKey;

impl ReceiptKey {
    /// Reads a private key, PKCS #8 in DER.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, NoReceiptKey> {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(|_| NoReceiptKey)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| NoReceiptKey)?;
        Ok(Self { pair, public: Digest(public) })
    }

    /// The public key: the rules of a draw name it.
    pub fn public(&self) -> Digest {
        self.public
    }

    /// The receipt for a ticket; `None` if the rules name another key.
    pub fn sign(&self, entry: &DrawEntry) -> Option<DrawReceipt> {
        let receipt = entry.receipt();
        (receipt.key == self.public).then(|| {
            let signature = self.pair.sign(&receipt.signed()).as_ref().to_vec();
            DrawReceipt { signature: HexBytes(signature), ..receipt }
        })
    }
}

/// Whether a receipt is signed with the key that it names.
pub fn is_signed(receipt: &DrawReceipt) -> bool {
    UnparsedPublicKey::new(&ED25519, receipt.key.0).verify(&receipt.signed(), &receipt.signature.0).is_ok()
}

impl std::fmt::Debug for ReceiptKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReceiptKey").field("public", &self.public).finish_non_exhaustive()
    }
}
