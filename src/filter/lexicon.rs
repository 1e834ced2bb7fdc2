//! What is looked for: words by category, and phrases in which they are harmless.
//!
//! A lexicon is one text per category, a term a line:
//!
//! ```text
//! # A comment.
//! 最
//! !最近        allowed: wins over every shorter term inside it
//! ```
//!
//! A term of Latin letters and digits is a word: it is not found inside a longer one (`sb` is not in `usb`).

use std::collections::HashMap;
use std::sync::Arc;

use daachorse::{CharwiseDoubleArrayAhoCorasick, CharwiseDoubleArrayAhoCorasickBuilder, MatchKind};
use foldhash::fast::RandomState;

use super::Finding;
use super::fold::fold;

/// Everything that is looked for, ready to search.
pub struct Lexicon {
    /// None where there are no terms at all.
    pub(super) automaton: Option<CharwiseDoubleArrayAhoCorasick<u32>>,
    pub(super) terms: Box<[Term]>,
    pub(super) categories: Box<[Arc<str>]>,
}

/// One term.
#[derive(Debug)]
pub(super) struct Term {
    /// As it was written.
    pub(super) text: Box<str>,
    /// Where it belongs; `None` if it is allowed.
    pub(super) category: Option<u16>,
    /// Letters and digits of ASCII alone: found as a whole word only.
    pub(super) is_latin: bool,
    /// So short that it goes across the end of a sentence only where it stands alone.
    pub(super) is_short: bool,
}

/// What is wrong with a lexicon: nothing of it is used then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LexiconMistake {
    /// A category's name.
    #[error("{0:?} is no category: 1 to 32 of a-z and '_'")]
    Category(String),
    /// A line.
    #[error("{category}, line {line}: {problem}")]
    Line {
        /// The category.
        category: String,
        /// From 1.
        line: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// More terms than are searched for.
    #[error("more than {} terms", Lexicon::TERMS_MAX)]
    TooMany,
    /// The automaton could not be built.
    #[error("the terms can't be searched for: {0}")]
    Automaton(String),
}

impl Lexicon {
    /// Most terms.
    pub const TERMS_MAX: usize = 500_000;
    /// Longest term, in characters as they are compared.
    pub const TERM_CHARS_MAX: usize = 64;
    /// The category of what is found by its shape, a telephone number, not by a term.
    pub(super) const CONTACT: &str = "contact";
    /// Terms of so many characters or fewer are short.
    const SHORT_CHARS: usize = 2;

    /// Reads a lexicon: categories with their texts. Where a term stands in two of them, the first counts.
    ///
    /// # Errors
    /// The first mistake.
    pub fn parse<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, LexiconMistake> {
        let mut categories: Vec<Arc<str>> = Vec::new();
        let mut terms = Vec::new();
        let mut known: HashMap<String, usize, RandomState> = HashMap::default();
        for (name, text) in files {
            let sound = |c: u8| c.is_ascii_lowercase() || c == b'_';
            if name.is_empty() || name.len() > 32 || !name.bytes().all(sound) {
                return Err(LexiconMistake::Category(name.to_owned()));
            }
            let category = categories.len() as u16;
            categories.push(name.into());
            for (at, line) in text.lines().enumerate() {
                let mistake = |problem| LexiconMistake::Line { category: name.to_owned(), line: at + 1, problem };
                let Some((folded, term)) = read_line(line, category).map_err(mistake)? else { continue };
                match known.get(&folded) {
                    Some(&other) if is_allowed(&terms[other]) != is_allowed(&term) => {
                        return Err(mistake("is banned and allowed"));
                    }
                    Some(_) => {}
                    None => {
                        known.insert(folded, terms.len());
                        terms.push(term);
                    }
                }
            }
        }
        if terms.len() > Self::TERMS_MAX {
            return Err(LexiconMistake::TooMany);
        }
        let patterns = known.into_iter().map(|(folded, at)| (folded, at as u32));
        let automaton = (!terms.is_empty())
            .then(|| {
                CharwiseDoubleArrayAhoCorasickBuilder::new().match_kind(MatchKind::Standard).build_with_values(patterns)
            })
            .transpose()
            .map_err(|error| LexiconMistake::Automaton(error.to_string()))?;
        Ok(Self { automaton, terms: terms.into(), categories: categories.into() })
    }

    /// Whether a finding is a way to reach somebody: those are looked for over several comments, too.
    pub fn is_contact(finding: &Finding) -> bool {
        finding.category.as_ref() == Self::CONTACT
    }

    /// How many terms there are, allowed ones among them.
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Whether nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The categories, with the number of terms that are banned in each.
    pub fn categories(&self) -> impl Iterator<Item = (&str, usize)> {
        self.categories.iter().enumerate().map(|(at, name)| {
            let banned = self.terms.iter().filter(|term| term.category == Some(at as u16)).count();
            (name.as_ref(), banned)
        })
    }
}

impl std::fmt::Debug for Lexicon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lexicon").field("terms", &self.terms.len()).field("categories", &self.categories).finish()
    }
}

const fn is_allowed(term: &Term) -> bool {
    term.category.is_none()
}

/// `None` for a line without a term.
fn read_line(line: &str, category: u16) -> Result<Option<(String, Term)>, &'static str> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (text, category) = match line.strip_prefix('!') {
        Some(allowed) => (allowed.trim(), None),
        None => (line, Some(category)),
    };
    let folded = fold(text).text;
    let chars = folded.chars().count();
    if chars == 0 {
        return Err("has nothing that could be compared: no letter, no digit");
    }
    if chars > Lexicon::TERM_CHARS_MAX {
        return Err("is longer than 64 characters");
    }
    let is_latin = folded.bytes().all(|b| b.is_ascii_alphanumeric());
    Ok(Some((folded, Term { text: text.into(), category, is_latin, is_short: chars <= Lexicon::SHORT_CHARS })))
}
