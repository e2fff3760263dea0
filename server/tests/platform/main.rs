//! The platform as its workstations meet it: a real server over TLS on a real database.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod access;
mod audit;
mod browser;
mod devices;
mod feed;
mod import;
mod keys;
mod kms;
mod ledger;
mod node;
mod reports;
mod restart;
mod scope;
mod sign_in;
mod single_sign_on;
mod smart;
mod support;
mod upload;
mod verify;
mod visiting;
mod visits;
mod visits_guests;
