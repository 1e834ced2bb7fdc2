//! Which of a cluster's slots a key falls into.

/// So many slots has a cluster.
pub(super) const SLOTS: u16 = 16_384;

/// The slot of all keys with this tag between braces: CRC-16/XMODEM, as the cluster specification has it.
pub(super) fn slot(tag: &str) -> u16 {
    let crc = tag.bytes().fold(0u16, |crc, byte| {
        (0..8)
            .fold(crc ^ (u16::from(byte) << 8), |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 })
    });
    crc % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_redis() {
        // `CLUSTER KEYSLOT`.
        for (tag, want) in [("123456789", 12_739), ("foo", 12_182), ("liveroom", 2_167), ("", 0)] {
            assert_eq!(slot(tag), want, "{tag}");
        }
    }
}
