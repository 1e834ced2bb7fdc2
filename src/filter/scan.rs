//! The search: every hit, less those that a longer allowed phrase excuses.

use std::ops::Range;
use std::sync::Arc;

use super::Lexicon;
use super::fold::{Fold, fold, trace};
use super::numbers;

/// A banned word in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Why it is banned.
    pub category: Arc<str>,
    /// The term that was found, as its lexicon spells it; empty for what is found by its shape.
    pub term: Box<str>,
    /// Where: bytes of the text as it was written.
    pub span: Range<usize>,
}

/// A hit in folded text.
#[derive(Clone, Copy)]
struct Hit {
    start: usize,
    end: usize,
    term: u32,
    /// Only found by reading digits as letters.
    leet: bool,
}

impl Lexicon {
    /// Everything in `text` that is banned, in the order of the text.
    pub fn find(&self, text: &str) -> Vec<Finding> {
        let folded = fold(text);
        let hits = self.hits(&folded.text, folded.mixes_letters_and_digits);
        let asks_for_numbers = folded.digits >= numbers::DIGITS_MIN && self.contact().is_some();
        if hits.is_empty() && !asks_for_numbers {
            return Vec::new();
        }
        let places = Places::of(text);
        let mut findings: Vec<_> = hits
            .iter()
            .filter(|hit| self.stands(hit, &hits, &folded.text, &places))
            .filter_map(|hit| {
                let term = &self.terms[hit.term as usize];
                let category = Arc::clone(&self.categories[usize::from(term.category?)]);
                Some(Finding { category, term: term.text.clone(), span: places.original(hit.start..hit.end) })
            })
            .collect();
        if let Some(contact) = self.contact().filter(|_| asks_for_numbers) {
            findings.extend(numbers::find(&folded.text).map(|folded| Finding {
                category: Arc::clone(contact),
                term: "".into(),
                span: places.original(folded),
            }));
        }
        findings.sort_by_key(|finding| (finding.span.start, finding.span.end));
        findings
    }

    /// Numbers are contact details where there is a lexicon of these.
    fn contact(&self) -> Option<&Arc<str>> {
        self.categories.iter().find(|name| name.as_ref() == Self::CONTACT)
    }

    fn hits(&self, folded: &str, mixes_letters_and_digits: bool) -> Vec<Hit> {
        let Some(automaton) = &self.automaton else { return Vec::new() };
        let find = |text: &str, leet: bool, hits: &mut Vec<Hit>| {
            let found = automaton.find_overlapping_iter(text);
            hits.extend(found.map(|found| Hit { start: found.start(), end: found.end(), term: found.value(), leet }));
        };
        let mut hits = Vec::new();
        find(folded, false, &mut hits);
        if mixes_letters_and_digits {
            // As long as the text itself, so places stay.
            let letters: String = folded.chars().map(digit_as_letter).collect();
            let plain = hits.len();
            find(&letters, true, &mut hits);
            let fresh = |hit: &Hit| {
                let term = &self.terms[hit.term as usize];
                let spelled = &folded[hit.start..hit.end];
                term.is_latin && spelled != &letters[hit.start..hit.end] && !spelled.bytes().all(|b| b.is_ascii_digit())
            };
            let mut at = 0;
            hits.retain(|hit| {
                at += 1;
                at <= plain || fresh(hit)
            });
        }
        hits
    }

    /// Whether a hit is one: no longer allowed phrase around it, a whole word if it is Latin, within a sentence if short.
    fn stands(&self, hit: &Hit, hits: &[Hit], folded: &str, places: &Places) -> bool {
        let term = &self.terms[hit.term as usize];
        if term.category.is_none() {
            return false;
        }
        let excuses = |other: &Hit| {
            let around = other.start <= hit.start && hit.end <= other.end;
            around
                && self.terms[other.term as usize].category.is_none()
                && !places.pauses_within(other.start, other.end)
        };
        let within_a_sentence =
            || !term.is_short || !places.pauses_within(hit.start, hit.end) || places.stands_alone(hit.start, hit.end);
        let whole_word = || !term.is_latin || !is_part_of_a_word(hit, folded, places);
        within_a_sentence() && whole_word() && !hits.iter().any(excuses)
    }
}

/// A Latin word goes on as long as letters follow each other directly; where digits are read as letters, they do too.
fn is_part_of_a_word(hit: &Hit, folded: &str, places: &Places) -> bool {
    let goes_on = |c: char| c.is_ascii_lowercase() || hit.leet && c.is_ascii_digit();
    let before = folded[..hit.start].chars().next_back();
    let after = folded[hit.end..].chars().next();
    before.is_some_and(goes_on) && places.follows_directly(hit.start)
        || after.is_some_and(goes_on) && places.follows_directly(hit.end)
}

const fn digit_as_letter(c: char) -> char {
    match c {
        '0' => 'o',
        '1' => 'i',
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '7' => 't',
        '8' => 'b',
        c => c,
    }
}

/// Where the places of a folded text are in the original.
struct Places {
    /// For each byte of the folded text: where its character begins in the original, and where it ends.
    spans: Vec<(u32, u32)>,
    /// Bytes of the folded text before which a sentence ended.
    pauses: Vec<u32>,
}

impl Places {
    fn of(text: &str) -> Self {
        let mut places = Self { spans: Vec::with_capacity(text.len()), pauses: Vec::new() };
        for (at, original, fold) in trace(text) {
            let span = (at as u32, (at + original.len_utf8()) as u32);
            let bytes = match fold {
                Fold::One(c) => c.len_utf8(),
                Fold::Many(chars) => chars.iter().map(|c| c.len_utf8()).sum(),
                Fold::Gone => 0,
                Fold::Pause => {
                    places.pauses.push(places.spans.len() as u32);
                    0
                }
            };
            places.spans.extend(std::iter::repeat_n(span, bytes));
        }
        places
    }

    fn original(&self, folded: Range<usize>) -> Range<usize> {
        self.spans[folded.start].0 as usize..self.spans[folded.end - 1].1 as usize
    }

    fn pauses_within(&self, start: usize, end: usize) -> bool {
        self.pauses.iter().any(|at| (start + 1..end).contains(&(*at as usize)))
    }

    /// Whether something that is no letter, or nothing, is on both sides: then the letters are spelled out (`傻，逼`), and
    /// no sentence ends between them by chance (`真傻，逼自己`).
    fn stands_alone(&self, start: usize, end: usize) -> bool {
        (start == 0 || !self.follows_directly(start)) && (end == self.spans.len() || !self.follows_directly(end))
    }

    /// Whether nothing stands between the byte at `at` and the one before.
    fn follows_directly(&self, at: usize) -> bool {
        self.spans[at - 1].1 >= self.spans[at].0
    }
}
