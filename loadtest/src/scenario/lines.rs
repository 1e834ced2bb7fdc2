//! What viewers say: comments that pass, and comments that must not.

/// What innocent comments are made of; three in a row are not soon repeated.
const PHRASES: [&str; 16] = [
    "主播好",
    "这个多少钱",
    "最近有活动吗",
    "第一次来",
    "有优惠券吗",
    "家人们冲啊",
    "抢不到啊",
    "刚来",
    "欢迎欢迎",
    "能试穿吗",
    "适合油皮吗",
    "谢谢主播",
    "已下单",
    "尺码偏大吗",
    "发什么快递",
    "再讲一遍",
];

/// What nobody but its author may see. With the lexicon that comes with the server.
pub(super) const BANNED: [&str; 6] = ["傻 逼主播", "加ＶＸ聊", "全国第ー", "廢\u{200b}物", "138-0013-8000", "ѕb"];

/// The comment of that number: all numbers below 4,096 say something else.
pub(super) fn innocent(number: usize) -> String {
    let phrase = |place: usize| PHRASES[place % PHRASES.len()];
    format!("{}，{}，{}", phrase(number), phrase(number / 16), phrase(number / 256))
}

/// Whether somebody was shown what nobody may see.
pub(super) fn is_banned(text: &str) -> bool {
    BANNED.contains(&text)
}
