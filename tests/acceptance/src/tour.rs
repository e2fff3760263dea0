//! A clinician's day.
