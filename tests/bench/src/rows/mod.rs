//! The rows, in the order of the table.

mod cache_open;
mod cache_read;
mod cache_search;
mod cache_write;
mod chart_open;
mod find_patient;

use crate::row::Row;

/// Every row.
pub fn all() -> Vec<Box<dyn Row>> {
    vec![
        Box::new(cache_read::CacheRead),
        Box::new(cache_write::CacheWrite),
        Box::new(cache_search::CacheSearch),
        Box::new(cache_open::CacheOpen),
        Box::new(chart_open::ChartOpen),
        Box::new(find_patient::FindPatient),
    ]
}
