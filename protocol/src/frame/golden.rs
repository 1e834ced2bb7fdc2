//! The bytes of version 1, fixed: what these tests hold must never change, or deployed clients break.

use crate::frame::frame_bytes;
use crate::samples::{client_frames, server_frames};

#[rustfmt::skip]
const GOLDEN: &[(&str, &str)] = &[
    ("hello", "2212200801120d65794a302e6533302e63326c6e1a06726f6f6d2d312a057765622f31"),
    ("hello_resume", "18121608011201741a0172220c09070000000000000010ac02"),
    ("claim", "180988776655443322111a0d0805110df0fecaefbeadde1802"),
    ("reserve", "26090100000000000000221b08061109000000000000001a060801100218011a06080210011803"),
    ("release", "0d0902000000000000002a02084d"),
    ("announce", "16090300000000000000320b0a09e7baa2e58c85e99ba8"),
    ("ping", "0b3a09092a00000000000000"),
    ("welcome", "1c0a1a09070000000000000010ac0218012080a0f1c2b1342810308040"),
    ("tick", "1c1a1a09070000000000000010ad0218b2a0f1c2b13422051a0308e807"),
    ("snapshot", "8001227e09070000000000000010ad021a37080510031a045261696e2880a0f1c2b13430b08af3c2b134390df0fecaefbeadde421408904e1064182820022803310b000000000000001a34080610011a045261696e2880a0f1c2b13430b08af3c2b1344a1a0a180801120354656118bc9b0120ac4d28f40330f3033801400220e807"),
    ("snapshot_on_air", "1d221b09070000000000000010ad0220e807e2030908031080a0f1c2b134"),
    ("own", "2d2a2b0a0d08051001187b2880a0f1c2b134121a084d1006180122070801100218ac4d28d89a0130e0c783c3b134"),
    ("goodbye", "11320f08011208647261696e696e6720dc0b"),
    ("dropped", "043a020803"),
    ("pong", "124210092a000000000000001080a0f1c2b134"),
    ("answer_grant", "1a1218098877665544332211120d08051001187b2880a0f1c2b134"),
    ("answer_coupon", "1f121d098877665544332211121208051001220546414e32302880a0f1c2b134"),
    ("answer_order", "2712250988776655443322111a1a084d1006180122070801100218ac4d28d89a0130e0c783c3b134"),
    ("answer_refused", "0f120d09887766554433221122020803"),
    ("answer_not_done", "1812160988776655443322112a0b080a12046275737918c801"),
    ("answer_pending", "0d120b0988776655443322113200"),
    ("answer_done", "0d120b0988776655443322113a00"),
    ("tick_activity", "501a4e09070000000000000010ae0218e4a0f1c2b13422390a37080510041a045261696e2880a0f1c2b13430b08af3c2b134390df0fecaefbeadde421408904e1064182820022803310b00000000000000"),
    ("tick_announcement", "2e1a2c09070000000000000010ae0218e4a0f1c2b134221712150a04686f73741206e5bc80e68aa21880a0f1c2b134"),
    ("tick_amendment", "331a3109070000000000000010ae0218e4a0f1c2b134221c221a080610011a0d0801109cffffffffffffffff0130e0f4f4c2b134"),
    ("tick_broadcast", "2a1a2809070000000000000010ae0218e4a0f1c2b1342213e2031008031080a0f1c2b1341880fdccc4b134"),
    ("tick_rain_result", "2d1a2b09070000000000000010ae0218e4a0f1c2b13422162a140805105a186420904e2a06757365722d3930c102"),
];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn all() -> Vec<(&'static str, String)> {
    let client = client_frames().into_iter().map(|(name, frame)| (name, hex(&frame_bytes(&frame))));
    let server = server_frames().into_iter().map(|(name, frame)| (name, hex(&frame_bytes(&frame))));
    client.chain(server).collect()
}

#[test]
fn the_bytes_of_version_1_do_not_change() {
    let now = all();
    for (name, bytes) in &now {
        let golden = GOLDEN.iter().find(|(golden, _)| golden == name);
        assert_eq!(golden.map(|(_, golden)| *golden), Some(bytes.as_str()), "{name}");
    }
    assert_eq!(now.len(), GOLDEN.len());
}
