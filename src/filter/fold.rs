//! The form in which text is compared.
//!
//! Character by character, so that every place of the folded text has its place in the original:
//! compatibility decomposition (NFKD: width, circled and styled letters), without combining marks and what is not seen;
//! lower case; simplified for traditional (OpenCC's table); for look-alikes the plain letter (Unicode's confusables, as far
//! as they are plain letters or Han), and nothing for whatever is no letter or digit.
//!
//! Marks being gone, decomposed and composed forms are the same: this is NFKC's equivalence and a little more.

use std::collections::HashMap;
use std::sync::LazyLock;

use foldhash::fast::RandomState;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;
use unicode_security::confusable_detection::skeleton;

/// What becomes of one character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fold {
    /// This character.
    One(char),
    /// These.
    Many(&'static [char]),
    /// Nothing: it stands between letters, or is not seen.
    Gone,
    /// Nothing, but a sentence ends here.
    Pause,
}

/// Text as it is compared, with what it takes to judge what is found there.
#[derive(Debug, Default)]
pub(super) struct Folded {
    /// The folded text.
    pub(super) text: String,
    /// ASCII digits and Chinese numerals.
    pub(super) digits: usize,
    /// Whether ASCII letters and digits are both there.
    pub(super) mixes_letters_and_digits: bool,
}

/// The form in which a keyword and a comment are equal: width, case, spaces, what is not seen, traditional forms.
/// Folding twice is folding once.
pub fn normalise(text: &str) -> String {
    let traditional = &TRADITIONAL;
    text.nfkd()
        .filter(|c| !c.is_whitespace() && !is_unseen(*c))
        .flat_map(char::to_lowercase)
        .map(|c| traditional.get(&c).copied().unwrap_or(c))
        .nfc()
        .collect()
}

/// Folds a text for the search.
pub(super) fn fold(text: &str) -> Folded {
    let table = &*TABLE;
    let mut folded = Folded { text: String::with_capacity(text.len()), ..Folded::default() };
    let (mut ascii_digits, mut letters) = (false, false);
    for c in text.chars() {
        let mut push = |c: char| {
            folded.text.push(c);
            ascii_digits |= c.is_ascii_digit();
            letters |= c.is_ascii_lowercase();
            folded.digits += usize::from(c.is_ascii_digit() || is_numeral(c));
        };
        match table.get(c) {
            Fold::One(c) => push(c),
            Fold::Many(chars) => chars.iter().copied().for_each(push),
            Fold::Gone | Fold::Pause => {}
        }
    }
    folded.mixes_letters_and_digits = ascii_digits && letters;
    folded
}

/// What becomes of each character of a text: its place in the original, and its fold.
pub(super) fn trace(text: &str) -> impl Iterator<Item = (usize, char, Fold)> {
    text.char_indices().map(|(at, c)| (at, c, TABLE.get(c)))
}

/// The digit that a numeral stands for, as numbers are spelled out.
pub(super) const fn numeral(c: char) -> Option<u8> {
    Some(match c {
        '0'..='9' => c as u8 - b'0',
        '零' | '〇' | '洞' => 0,
        '一' | '壹' | '幺' => 1,
        '二' | '贰' | '两' => 2,
        '三' | '叁' => 3,
        '四' | '肆' => 4,
        '五' | '伍' => 5,
        '六' | '陆' => 6,
        '七' | '柒' | '拐' => 7,
        '八' | '捌' => 8,
        '九' | '玖' | '勾' => 9,
        _ => return None,
    })
}

const fn is_numeral(c: char) -> bool {
    numeral(c).is_some()
}

static TRADITIONAL: LazyLock<HashMap<char, char, RandomState>> = LazyLock::new(|| {
    let lines = include_str!("traditional.txt").lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.flat_map(|line| line.split(' '));
    pairs
        .map(|pair| {
            let mut chars = pair.chars();
            let pair = chars.next().zip(chars.next()).filter(|_| chars.next().is_none());
            pair.expect("the table holds pairs of characters")
        })
        .collect()
});

static TABLE: LazyLock<Table> = LazyLock::new(Table::new);

/// The folds of all characters that anybody writes; the rest is private use and tags.
struct Table {
    /// A character, or one of the marks below; an index into `many` has `MANY` set.
    cells: Box<[u32]>,
    many: Vec<Box<[char]>>,
}

const CHARS: u32 = 0x3_0000;
const GONE: u32 = u32::MAX;
const PAUSE: u32 = u32::MAX - 1;
const MANY: u32 = 1 << 30;

impl Table {
    fn new() -> Self {
        let mut table = Self { cells: vec![GONE; CHARS as usize].into(), many: Vec::new() };
        for code in 0..CHARS {
            let Some(c) = char::from_u32(code) else { continue };
            table.cells[code as usize] = if is_pause(c) {
                PAUSE
            } else {
                let folded = fold_char(c);
                match folded[..] {
                    [] => GONE,
                    [one] => one as u32,
                    _ => {
                        table.many.push(folded.into());
                        MANY | (table.many.len() - 1) as u32
                    }
                }
            };
        }
        table
    }

    #[inline]
    fn get(&'static self, c: char) -> Fold {
        match self.cells.get(c as usize) {
            Some(&GONE) => Fold::Gone,
            Some(&PAUSE) => Fold::Pause,
            Some(&cell) if cell & MANY != 0 => Fold::Many(&self.many[(cell ^ MANY) as usize]),
            Some(&cell) => char::from_u32(cell).map_or(Fold::Gone, Fold::One),
            None if c.is_alphanumeric() => Fold::One(c),
            None => Fold::Gone,
        }
    }
}

fn fold_char(c: char) -> Vec<char> {
    // Most of what is written; none of it decomposes or looks like anything else.
    if is_han(c) || is_hangul(c) {
        let plain = TRADITIONAL.get(&c).copied().unwrap_or(c);
        return if c.is_alphanumeric() { vec![plain] } else { Vec::new() };
    }
    if let Some(plain) = sign(c) {
        return vec![plain];
    }
    let decomposed = std::iter::once(c).nfkd().filter(|c| !is_unseen(*c));
    let plain = decomposed.flat_map(|c| look_alike(c).unwrap_or_else(|| c.to_lowercase().collect()));
    plain.filter(|c| c.is_alphanumeric()).map(|c| TRADITIONAL.get(&c).copied().unwrap_or(c)).collect()
}

/// Signs that are read as a letter, a digit or a word, and that Unicode does not decompose.
fn sign(c: char) -> Option<char> {
    let code = c as u32;
    let nth = |first: u32, from: char| char::from_u32(from as u32 + (code - first));
    match code {
        0x1F150..=0x1F169 => nth(0x1F150, 'a'),
        0x1F170..=0x1F189 => nth(0x1F170, 'a'),
        0x1F1E6..=0x1F1FF => nth(0x1F1E6, 'a'),
        0x2776..=0x277E => nth(0x2776, '1'),
        0x2780..=0x2788 => nth(0x2780, '1'),
        0x278A..=0x2792 => nth(0x278A, '1'),
        // "+v" is said "add v".
        0x2B | 0xFF0B | 0x2795 => Some('加'),
        0xD7 | 0x2715..=0x2718 => Some('x'),
        // A stroke where it is drawn for sounds.
        0x30FC => Some('一'),
        // Cyrillic small capitals, which Unicode takes for other small capitals.
        0x432 => Some('b'),
        0x43A => Some('k'),
        0x43C => Some('m'),
        0x43D => Some('h'),
        0x442 => Some('t'),
        _ => None,
    }
}

/// The plain letter that a letter of another script is taken for: ASCII, or Han for what looks like Han. What is plain
/// already stays: confusables make one of `l`, `1` and `I`, and `rn` of `m`.
fn look_alike(c: char) -> Option<Vec<char>> {
    if c.is_ascii() || is_han(c) || is_hangul(c) {
        return None;
    }
    let mut bytes = [0; 4];
    let plain = |c: char| c.is_ascii_alphanumeric() || is_han(c);
    let mut of = |c: char| {
        let like: Vec<char> = skeleton(c.encode_utf8(&mut bytes)).map(|c| c.to_ascii_lowercase()).collect();
        (like.len() == 1 && like.iter().all(|c| plain(*c))).then_some(like)
    };
    of(c).or_else(|| c.to_lowercase().next().filter(|lower| *lower != c).and_then(of))
}

/// The ends of sentences and clauses.
const fn is_pause(c: char) -> bool {
    matches!(c, '。' | '！' | '？' | '；' | '，' | '!' | '?' | ';' | '\n')
}

const fn is_han(c: char) -> bool {
    matches!(c as u32, 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0x20000..=0x2FFFF | 0x3007)
}

const fn is_hangul(c: char) -> bool {
    matches!(c as u32, 0xAC00..=0xD7A3)
}

/// Combining marks and what has no width: nothing that a reader misses. Vowel signs and voicing marks stay, as they make
/// another letter.
fn is_unseen(c: char) -> bool {
    match c as u32 {
        0x300..=0x36F | 0x489 | 0x20D0..=0x20F0 => true,
        0xAD | 0x61C | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F => true,
        0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 => true,
        0xFFF0..=0xFFF8 | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF => true,
        _ => canonical_combining_class(c) >= 200 || c.is_control() && !c.is_whitespace(),
    }
}
