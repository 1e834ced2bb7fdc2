//! Lucky bags 福袋 that need no draw: whoever may open one takes out of it, first come first served.
//!
//! The bag for newcomers is unlocked by watching; the bag of codes gives each winner one code of a list, and closes when there
//! is none left. A code is a secret between the host and its winner: it is written where decisions are kept and nowhere else.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::activity::{AmendError, PlanError};
use super::{Amendment, Conditions, Digest, Fen, Giveaway, Prize, Time, UnitPool, UserId};

/// What a host asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BagPlan {
    /// What is in it.
    pub contents: BagContents,
    /// How long it stays open, ms.
    pub duration_ms: u64,
}

/// What a bag holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BagContents {
    /// Identical prizes, for newcomers who have watched for long enough: the plan's conditions say for how long, and who is one.
    Newcomer {
        /// What each is.
        prize: Prize,
        /// How many.
        count: u32,
    },
    /// Codes, each for one winner.
    Codes(Codes),
}

/// Something secret that one winner is told: a voucher, a key. 1 to 64 visible ASCII characters.
///
/// Only the binary forms of log and snapshot hold it; where people read, it is hidden.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(Box<str>);

/// A list of codes, in the order in which they are given.
#[derive(Clone, PartialEq, Eq)]
pub struct Codes(Arc<[Code]>);

/// A bag that was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bag {
    /// What is given, and who got it.
    pub giveaway: Giveaway,
    /// Codes that amendments added.
    added: Codes,
    /// Cash given so far.
    pub paid: Fen,
}

impl Code {
    /// Reads one.
    ///
    /// # Errors
    /// It is empty, longer than 64 bytes, or holds anything but visible ASCII.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if !(1..=64).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("a code has 1 to 64 visible ASCII characters");
        }
        Ok(Self(text.into()))
    }

    /// The code itself, for its winner.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What stands for it where it must not be read.
    pub fn hash(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}

impl Codes {
    /// The most codes of a list.
    pub const LIST_MAX: usize = 5_000;

    /// The most codes of a room's bags that are not forgotten yet.
    pub const PER_ROOM_MAX: usize = 100_000;

    /// How many.
    pub fn count(&self) -> u32 {
        self.0.len() as u32
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Code> {
        self.0.iter()
    }

    fn get(&self, place: u32) -> Option<&Code> {
        self.0.get(place as usize)
    }

    fn and(&self, more: &Self) -> Self {
        self.iter().chain(more.iter()).cloned().collect()
    }

    fn has_twice(&self) -> bool {
        let mut sorted: Vec<_> = self.iter().collect();
        sorted.sort_unstable();
        sorted.windows(2).any(|pair| pair[0] == pair[1])
    }
}

impl BagPlan {
    /// How many prizes there are at first.
    pub fn count(&self) -> u32 {
        match &self.contents {
            BagContents::Newcomer { count, .. } => *count,
            BagContents::Codes(codes) => codes.count(),
        }
    }

    /// All cash in `count` prizes.
    pub fn cash_for(&self, count: u32) -> Option<Fen> {
        match &self.contents {
            BagContents::Newcomer { prize: Prize::Cash(amount), .. } => amount.times(count).ok(),
            BagContents::Newcomer { .. } | BagContents::Codes(_) => Some(Fen::ZERO),
        }
    }

    /// The coupon that each prize is, if they are coupons.
    pub fn coupon(&self) -> Option<&str> {
        match &self.contents {
            BagContents::Newcomer { prize, .. } => prize.coupon(),
            BagContents::Codes(_) => None,
        }
    }

    /// The codes that it begins with.
    pub fn codes(&self) -> impl Iterator<Item = &Code> {
        let codes = match &self.contents {
            BagContents::Codes(codes) => Some(codes),
            BagContents::Newcomer { .. } => None,
        };
        codes.into_iter().flat_map(Codes::iter)
    }

    /// Whether it closes with the last prize.
    pub fn closes_empty(&self) -> bool {
        matches!(self.contents, BagContents::Codes(_))
    }

    /// Checks everything that the type can't.
    pub(super) fn check(&self, conditions: &Conditions) -> Result<(), PlanError> {
        let refuse = |field, why: &'static str| Err(PlanError { field, why: why.into() });
        if !(1_000..=86_400_000).contains(&self.duration_ms) {
            return refuse("duration_ms", "must be 1,000 to 86,400,000");
        }
        match &self.contents {
            BagContents::Newcomer { prize, count } => {
                if conditions.watched_s.is_none() || conditions.newcomer_days.is_none() {
                    return refuse("conditions", "of a bag for newcomers say how long one watches, and who is new");
                }
                if !(1..=UnitPool::UNITS_MAX).contains(count) {
                    return refuse("count", "must be 1 to 10,000,000");
                }
                match prize {
                    Prize::Cash(amount) if *amount == Fen::ZERO => return refuse("amount_fen", "must be at least 1"),
                    Prize::Coupon(name) | Prize::Item(name) if !(1..=64).contains(&name.len()) => {
                        return refuse("prize", "names a coupon or an item in 1 to 64 bytes");
                    }
                    Prize::Code(_) => return refuse("prize", "is the same for everybody, which a code is not"),
                    _ => {}
                }
                match self.cash_for(*count) {
                    Some(_) => Ok(()),
                    None => refuse("amount_fen", "must not cost more than 10^13 fen in all"),
                }
            }
            BagContents::Codes(codes) => {
                if !(1..=Codes::LIST_MAX).contains(&(codes.count() as usize)) {
                    return refuse("codes", "must be 1 to 5,000");
                }
                if codes.has_twice() {
                    return refuse("codes", "must differ: a code goes to one person");
                }
                Ok(())
            }
        }
    }
}

impl Bag {
    /// A bag with everything in it.
    pub fn open(plan: &BagPlan) -> Self {
        let mut giveaway = Giveaway::holding(plan.count());
        giveaway.pool.release(plan.count());
        Self { giveaway, added: Codes::default(), paid: Fen::ZERO }
    }

    /// What unit `unit` is; `None` if there is no such unit.
    pub fn prize(&self, plan: &BagPlan, unit: u32) -> Option<Prize> {
        match &plan.contents {
            BagContents::Newcomer { prize, .. } => {
                (unit < self.giveaway.pool.initial + self.giveaway.pool.added).then(|| prize.clone())
            }
            BagContents::Codes(codes) => {
                let later = || self.added.get(unit.checked_sub(codes.count())?);
                codes.get(unit).or_else(later).cloned().map(Prize::Code)
            }
        }
    }

    /// Gives the next unit to `user`, and says which it is.
    pub fn give(&mut self, plan: &BagPlan, user: UserId, at: Time, event: u64) -> u32 {
        if let BagContents::Newcomer { prize: Prize::Cash(amount), .. } = &plan.contents {
            self.paid = self.paid.plus(*amount).expect("prizes never exceed the funding");
        }
        self.giveaway.give(user, at, event)
    }

    /// Codes that amendments added.
    pub fn added(&self) -> &Codes {
        &self.added
    }

    /// When the last prize was given, of a bag that has none left.
    pub fn emptied_at(&self) -> Option<Time> {
        let pool = &self.giveaway.pool;
        let latest = pool.granted.checked_sub(1).filter(|_| pool.free == 0)?;
        self.giveaway.taken(latest).map(|taken| taken.at)
    }

    /// Whether more may be put in. Added cash comes with its budget, exactly.
    pub(super) fn may_amend(&self, plan: &BagPlan, amendment: &Amendment) -> Result<(), AmendError> {
        if !amendment.stock.is_empty() {
            return Err(AmendError::Invalid("a bag has no items"));
        }
        match &plan.contents {
            BagContents::Newcomer { .. } => {
                if amendment.codes.count() > 0 {
                    return Err(AmendError::Invalid("only a bag of codes is given more codes"));
                }
                let units = i32::try_from(amendment.shares).unwrap_or(i32::MAX);
                let fits = self.giveaway.pool.may_change(units);
                fits.map_err(|_| AmendError::Invalid("a bag has at most 10,000,000 prizes"))?;
                if plan.cash_for(amendment.shares) != Some(amendment.budget) {
                    return Err(AmendError::Invalid("budget_fen is what the added prizes (shares) hold"));
                }
                Ok(())
            }
            BagContents::Codes(codes) => {
                if amendment.shares > 0 || amendment.budget > Fen::ZERO {
                    return Err(AmendError::Invalid("a bag of codes is given more codes, nothing else"));
                }
                let all = codes.and(&self.added).and(&amendment.codes);
                if all.count() as usize > Codes::LIST_MAX {
                    return Err(AmendError::Invalid("a bag has at most 5,000 codes, those that were added included"));
                }
                if all.has_twice() {
                    return Err(AmendError::Invalid("codes must differ: a code goes to one person"));
                }
                Ok(())
            }
        }
    }

    pub(super) fn amend(&mut self, amendment: &Amendment) {
        self.giveaway.pool.add(amendment.shares + amendment.codes.count());
        self.added = self.added.and(&amendment.codes);
    }
}

impl Default for Codes {
    fn default() -> Self {
        Self(Arc::from([]))
    }
}

impl FromIterator<Code> for Codes {
    fn from_iter<I: IntoIterator<Item = Code>>(codes: I) -> Self {
        Self(codes.into_iter().collect())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(a code)")
    }
}

impl fmt::Debug for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} codes)", self.count())
    }
}

/// The code in binary; where people read, only that there is one.
impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str("(hidden)") } else { self.0.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return Err(de::Error::custom("codes are hidden where people read"));
        }
        Box::<str>::deserialize(deserializer).map(Self)
    }
}

/// The codes in binary; where people read, how many.
impl Serialize for Codes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_u32(self.count())
        } else {
            serializer.collect_seq(self.iter())
        }
    }
}

impl<'de> Deserialize<'de> for Codes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return Err(de::Error::custom("codes are hidden where people read"));
        }
        Vec::<Code>::deserialize(deserializer).map(|codes| codes.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(texts: &[&str]) -> Codes {
        texts.iter().map(|text| Code::parse(text).unwrap()).collect()
    }

    fn newcomer(prize: Prize, count: u32) -> BagPlan {
        BagPlan { contents: BagContents::Newcomer { prize, count }, duration_ms: 60_000 }
    }

    fn of_codes(texts: &[&str]) -> BagPlan {
        BagPlan { contents: BagContents::Codes(codes(texts)), duration_ms: 60_000 }
    }

    fn cash(fen: i64) -> Prize {
        Prize::Cash(Fen::new(fen).unwrap())
    }

    #[test]
    fn bags_that_make_no_sense() {
        let unlocked = Conditions { watched_s: Some(300), newcomer_days: Some(1), ..Conditions::default() };
        let tea = || newcomer(Prize::Item("tea".to_owned()), 5);
        let many: Vec<String> = (0..5_001).map(|n| format!("c{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        for (plan, conditions, wrong) in [
            (tea(), &unlocked, None),
            (tea(), &Conditions::default(), Some("conditions")),
            (tea(), &Conditions { newcomer_days: None, ..unlocked.clone() }, Some("conditions")),
            (BagPlan { duration_ms: 999, ..tea() }, &unlocked, Some("duration_ms")),
            (newcomer(cash(0), 5), &unlocked, Some("amount_fen")),
            (newcomer(cash(Fen::MAX.get()), 2), &unlocked, Some("amount_fen")),
            (newcomer(cash(5), 0), &unlocked, Some("count")),
            (newcomer(Prize::Item(String::new()), 5), &unlocked, Some("prize")),
            (newcomer(Prize::Code(Code::parse("a").unwrap()), 5), &unlocked, Some("prize")),
            (of_codes(&["a", "b"]), &Conditions::default(), None),
            (of_codes(&[]), &Conditions::default(), Some("codes")),
            (of_codes(&["a", "b", "a"]), &Conditions::default(), Some("codes")),
            (of_codes(&many[1..]), &Conditions::default(), None),
            (of_codes(&many), &Conditions::default(), Some("codes")),
        ] {
            assert_eq!(plan.check(conditions).map_err(|error| error.field).err(), wrong, "{plan:?}");
        }
        for (text, ok) in [("A-1", true), ("", false), ("a b", false), ("茶", false), ("a\n", false)] {
            assert_eq!(Code::parse(text).is_ok(), ok, "{text:?}");
        }
        assert!(Code::parse(&"x".repeat(64)).is_ok() && Code::parse(&"x".repeat(65)).is_err());
    }

    #[test]
    fn each_code_once_then_what_was_added() {
        let (plan, user) = (of_codes(&["a", "b"]), |n: u32| UserId::parse(&format!("u{n}")).unwrap());
        let mut bag = Bag::open(&plan);
        let add = |texts: &[&str]| Amendment { codes: codes(texts), ..Amendment::default() };
        for (amendment, ok) in [
            (add(&["c"]), true),
            (add(&["a"]), false),
            (add(&["c", "c"]), false),
            (Amendment { shares: 1, ..Amendment::default() }, false),
        ] {
            assert_eq!(bag.may_amend(&plan, &amendment).is_ok(), ok, "{amendment:?}");
        }
        bag.amend(&add(&["c"]));
        let given: Vec<_> = (0..3).map(|n| bag.give(&plan, user(n), Time::from_ms(n.into()), n.into())).collect();
        let given: Vec<_> = given.into_iter().filter_map(|unit| bag.prize(&plan, unit)).collect();
        assert_eq!(given, ["a", "b", "c"].map(|code| Prize::Code(Code::parse(code).unwrap())));
        assert_eq!((bag.prize(&plan, 3), bag.emptied_at()), (None, Some(Time::from_ms(2))));
    }

    /// Whatever is printed or written for people says nothing of them; the log gives them back.
    #[test]
    fn codes_are_hidden_where_people_read() {
        let plan = of_codes(&["SECRET-1", "SECRET-2"]);
        let prize = Prize::Code(Code::parse("SECRET-1").unwrap());
        let texts = [
            format!("{plan:?} {prize:?}"),
            serde_json::to_string(&plan).unwrap(),
            serde_json::to_string(&prize).unwrap(),
        ];
        assert!(texts.iter().all(|text| !text.contains("SECRET")), "{texts:?}");
        let logged = postcard::to_stdvec(&(&plan, &prize)).unwrap();
        assert_eq!(postcard::from_bytes::<(BagPlan, Prize)>(&logged).unwrap(), (plan, prize));
    }
}
