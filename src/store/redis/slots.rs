//! Which of a cluster's slots a key falls into, and tags that spread a log's stripes over them.

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

/// The tag of the keys of one of so many stripes. Stripe 0 has the prefix itself, so that it is found by who does not know
/// how many there are. Cut into as many equal parts as there are stripes, the slots' next part is the next stripe's: in a
/// cluster whose primaries have equal parts, each has its share of the stripes.
pub(super) fn tag(prefix: &str, stripe: usize, stripes: usize) -> String {
    if stripe == 0 {
        return prefix.to_owned();
    }
    let part = |tag: &str| usize::from(slot(tag)) * stripes / usize::from(SLOTS);
    let wanted = (part(prefix) + stripe) % stripes;
    let mut tags = (0_u32..).map(|n| format!("{prefix}/{stripe}.{n}"));
    tags.find(|tag| part(tag) == wanted).expect("every part has slots")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stripes_fall_into_different_parts() {
        assert_eq!(tag("liveroom", 0, 1), "liveroom");
        for stripes in 1..=16 {
            let part = |stripe| usize::from(slot(&tag("shop-7", stripe, stripes))) * stripes / usize::from(SLOTS);
            let mut parts: Vec<_> = (0..stripes).map(part).collect();
            parts.sort_unstable();
            assert_eq!(parts, (0..stripes).collect::<Vec<_>>());
        }
        // Tags are part of what is kept: they never change.
        assert_eq!(
            (tag("liveroom", 1, 3), tag("liveroom", 2, 3)),
            ("liveroom/1.1".to_owned(), "liveroom/2.0".to_owned())
        );
    }

    #[test]
    fn slots_are_those_of_redis() {
        // `CLUSTER KEYSLOT`.
        for (tag, want) in [("123456789", 12_739), ("foo", 12_182), ("liveroom", 2_167), ("", 0)] {
            assert_eq!(slot(tag), want, "{tag}");
        }
    }
}
