//! Ways to reach somebody that no dictionary lists: telephone numbers, and numbers behind a `v` or `q`.

use std::ops::Range;

use super::fold::numeral;

/// Fewer digits reach nobody.
pub(super) const DIGITS_MIN: usize = 6;

/// A mobile number in China: 1, then 3 to 9, then nine more.
const MOBILE_DIGITS: usize = 11;

/// How long the numbers of messengers are.
const MESSENGER_DIGITS: std::ops::RangeInclusive<usize> = 6..=12;

/// Numbers in folded text, in whatever numerals.
pub(super) fn find(folded: &str) -> impl Iterator<Item = Range<usize>> {
    let mut found = Vec::new();
    let mut run = Run::default();
    // The character after the last ends the last run.
    for (at, c) in folded.char_indices().chain([(folded.len(), ' ')]) {
        match (numeral(c), run.letter_as_digit(c)) {
            (Some(digit), _) => run.push(at, c, digit),
            (None, Some(digit)) => run.letters.push(digit),
            (None, None) => {
                found.extend(run.reaches_somebody().then_some(run.start..run.end));
                run = Run { before: Some(c), ..Run::default() };
            }
        }
    }
    found.into_iter()
}

#[derive(Default)]
struct Run {
    start: usize,
    end: usize,
    digits: Vec<u8>,
    /// Letters that are digits if more digits follow.
    letters: Vec<u8>,
    before: Option<char>,
}

impl Run {
    /// Within a number an `o` is a nought and an `l` is a one.
    fn letter_as_digit(&self, c: char) -> Option<u8> {
        match c {
            _ if self.digits.len() < 2 => None,
            'o' => Some(0),
            'l' | 'i' => Some(1),
            _ => None,
        }
    }

    fn push(&mut self, at: usize, c: char, digit: u8) {
        if self.digits.is_empty() {
            self.start = at;
        }
        self.digits.append(&mut self.letters);
        self.digits.push(digit);
        self.end = at + c.len_utf8();
    }

    fn reaches_somebody(&self) -> bool {
        let national = self.digits.strip_prefix(&[8, 6]).unwrap_or(&self.digits);
        // Letters at its end belong to the number as far as they make it whole.
        let can_be_whole = (national.len()..=national.len() + self.letters.len()).contains(&MOBILE_DIGITS);
        let mobile = can_be_whole && national[0] == 1 && national[1] >= 3;
        let messenger = matches!(self.before, Some('v' | 'q')) && MESSENGER_DIGITS.contains(&self.digits.len());
        mobile || messenger
    }
}
