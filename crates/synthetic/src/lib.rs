//! Synthetic clinics of any size, the same for the same seed.
//!
//! A [`Clinic`] tells who works there ([`Clinic::users`]) and gives the whole of its records as
//! FHIR R4 transaction bundles ([`Clinic::bundles`]), one after another: memory stays flat
//! whatever the number of patients. Every id follows from the seed, and every entry is a `PUT`
//! under its id, so loading a clinic twice changes nothing.
//!
//! Values hang together: who has diabetes has HbA1c that falls under metformin, glucose that
//! follows HbA1c, yearly eye examinations; who is allergic to penicillin is not given any.
//!
//! Never: a real person's data, an identifier that could be one's (social security numbers are
//! from ranges never given out, telephone numbers from those kept for fiction), the machine's
//! clock, the network, the disk. The program beside it writes the files.

mod calendar;
mod chart;
mod clinic;
mod dice;
mod health;
mod immunisation;
mod json;
mod laboratory;
mod names;
mod notes;
mod person;
mod prescriptions;
mod staff;
mod terms;
mod visits;
mod vitals;

pub use clinic::{Clinic, ClinicError};
pub use staff::User;
