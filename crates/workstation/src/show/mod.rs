//! From records to views: pure functions over JSON, tolerant of what other systems write.
//!
//! A record that lacks something shows less; nothing here fails or panics on foreign data.

pub mod calendar;
pub mod chart;
pub mod items;
pub mod notes;
pub mod pairs;
pub mod people;
pub mod problem_form;
pub mod reference_range;
pub mod report;
pub mod series;
pub mod texts;
pub mod timeline;
pub mod tree;
pub mod when;

use cache::Standing;

use crate::view;

/// The standing as the screen names it.
#[must_use]
pub fn standing(standing: Standing) -> view::Standing {
    match standing {
        Standing::Saved => view::Standing::Saved,
        Standing::Sent => view::Standing::Sent,
        Standing::Confirmed => view::Standing::Confirmed,
        Standing::NeedsYou => view::Standing::NeedsYou,
        Standing::Refused => view::Standing::Refused,
    }
}
