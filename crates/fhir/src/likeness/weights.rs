//! The probabilities, and the weights and bounds that follow from them.
//!
//! `u` of dates and numbers is arithmetic: how many values there are. `u` of names is set on the
//! high side of what frequency lists of names give, for the people of one clinic are related.
//! `m` is set by the errors that registration makes (a slip, a swap, a short form, a move) and
//! not measured: there are no pairs of Rounds' own that somebody has judged. A probability that is
//! wrong by half moves a weight by one bit; the bounds stand four bits from each other and more.

/// How often two records agree so, of one person and of two.
#[derive(Debug, Clone, Copy)]
pub(super) struct Odds {
    /// Of one person.
    m: f64,
    /// Of two people.
    u: f64,
}

impl Odds {
    const fn new(m: f64, u: f64) -> Self {
        Self { m, u }
    }

    /// In bits.
    pub(super) fn weight(self) -> f64 {
        (self.m / self.u).log2()
    }
}

/// From here on somebody is asked. Of a hundred thousand patients, one in twenty registered
/// twice, a pair at random is one person with odds of one to a million (-20 bits). 24 bits make
/// that sixteen to one.
pub(super) const LIKELY: f64 = 24.0;
/// From here on who registers somebody sees the other: one to sixteen.
pub(super) const POSSIBLE: f64 = 16.0;
/// What is shared by those who live together counts so much and no more. With the birth date and
/// the sex of a twin it stays under [`LIKELY`]; the given name decides.
pub(super) const HOUSEHOLD: f64 = 12.0;

/// One in 125: the commonest given names are borne by one in a hundred of a sex and a generation.
pub(super) const GIVEN_SAME: Odds = Odds::new(0.90, 0.008);
/// A slip, a short form, a middle name that is used: a few names lie near each name.
pub(super) const GIVEN_CLOSE: Odds = Odds::new(0.06, 0.015);
pub(super) const GIVEN_APART: Odds = Odds::new(0.02, 0.97);
/// Of children of one birth another given name is another child, whatever else agrees.
pub(super) const GIVEN_OF_TWINS: Odds = Odds::new(0.001, 0.99);
/// One in 800: the commonest family names are borne by one in a hundred, most by far fewer.
pub(super) const FAMILY_SAME: Odds = Odds::new(0.90, 0.0012);
/// A slip, or one part of a double name.
pub(super) const FAMILY_CLOSE: Odds = Odds::new(0.05, 0.004);
/// Marriage and divorce change it.
pub(super) const FAMILY_APART: Odds = Odds::new(0.08, 0.995);
/// Given and family name in each other's field: what both say, made rarer by the swap.
pub(super) const GIVEN_CROSSED: Odds = Odds::new(0.02, 0.000_5);
pub(super) const FAMILY_CROSSED: Odds = Odds::new(0.90, 0.002);
/// Father and son are told apart by it.
pub(super) const GENERATION_SAME: Odds = Odds::new(0.95, 0.5);
pub(super) const GENERATION_APART: Odds = Odds::new(0.01, 0.5);

/// One of about 80 years of 365 days, somewhat uneven.
pub(super) const BIRTH_SAME: Odds = Odds::new(0.95, 0.000_05);
/// The first of January is what is written for who knows the year alone.
pub(super) const BIRTH_NEW_YEAR: Odds = Odds::new(0.95, 0.001);
/// Day and month: there is one other date, where there is one.
pub(super) const BIRTH_CROSSED: Odds = Odds::new(0.005, 0.000_02);
/// One digit, or two beside each other: about thirty dates lie so near.
pub(super) const BIRTH_CLOSE: Odds = Odds::new(0.02, 0.001);
pub(super) const BIRTH_APART: Odds = Odds::new(0.01, 0.999);
/// One date is known by its month, or its year, alone.
pub(super) const BIRTH_MONTH: Odds = Odds::new(0.95, 0.001_1);
pub(super) const BIRTH_YEAR: Odds = Odds::new(0.95, 0.0125);
pub(super) const BIRTH_PART_APART: Odds = Odds::new(0.06, 0.98);

pub(super) const SEX_SAME: Odds = Odds::new(0.99, 0.5);
pub(super) const SEX_APART: Odds = Odds::new(0.01, 0.5);

/// A household's number: a clinic of a hundred thousand has some ten thousand.
pub(super) const PHONE_SAME: Odds = Odds::new(0.60, 0.000_1);
pub(super) const PHONE_CLOSE: Odds = Odds::new(0.04, 0.002);
pub(super) const PHONE_APART: Odds = Odds::new(0.36, 0.99);
pub(super) const EMAIL_SAME: Odds = Odds::new(0.50, 0.000_05);
pub(super) const ADDRESS_SAME: Odds = Odds::new(0.65, 0.000_3);
/// The same town: a clinic's patients live near it.
pub(super) const ADDRESS_CLOSE: Odds = Odds::new(0.15, 0.05);
pub(super) const ADDRESS_APART: Odds = Odds::new(0.20, 0.95);

pub(super) const SOCIAL_SECURITY_SAME: Odds = Odds::new(0.92, 0.000_01);
/// Says nothing: as likely a slip as the next number, which is a twin's.
pub(super) const SOCIAL_SECURITY_CLOSE: Odds = Odds::new(0.02, 0.02);
/// Nearly never of one person, and enough against all that a name and a birth date say.
pub(super) const SOCIAL_SECURITY_APART: Odds = Odds::new(0.000_3, 0.98);
/// Somebody typed the number of the card that they were shown. Different numbers say nothing:
/// that is what registering twice gives.
pub(super) const RECORD_NUMBER_SAME: Odds = Odds::new(0.50, 0.000_01);
pub(super) const IDENTIFIER_SAME: Odds = Odds::new(0.80, 0.000_02);
