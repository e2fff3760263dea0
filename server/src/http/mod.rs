//! HTTP: the router, TLS, and what every answer has in common.

pub mod body;
pub mod problem;
pub mod router;
pub mod serve;
