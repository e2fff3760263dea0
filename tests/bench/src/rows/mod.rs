//! The rows, in the order of the table.

mod cache_open;
mod cache_read;
mod cache_search;
mod cache_write;
mod chart_open;
mod field_crypt;
mod find_duplicates;
mod find_patient;
mod first_sync;
mod ledger_append;
mod memory;
mod srv;
mod start;
mod video;

use crate::row::Row;
use crate::served::Ground;

/// Every row.
pub fn all() -> Vec<Box<dyn Row>> {
    let mut rows: Vec<Box<dyn Row>> = vec![
        Box::new(cache_read::CacheRead),
        Box::new(cache_write::CacheWrite),
        Box::new(cache_search::CacheSearch),
        Box::new(cache_open::CacheOpen),
        Box::new(chart_open::ChartOpen),
        Box::new(find_patient::FindPatient),
        Box::new(find_duplicates::FindDuplicates),
        Box::new(first_sync::FirstSync),
    ];
    let ground = Ground::default();
    rows.extend(srv::rows(&ground));
    rows.push(Box::new(ledger_append::LedgerAppend(ground)));
    rows.push(Box::new(field_crypt::FieldCrypt));
    rows.push(Box::new(start::Start));
    rows.push(Box::new(memory::Memory));
    rows.push(Box::new(video::Video));
    rows
}
