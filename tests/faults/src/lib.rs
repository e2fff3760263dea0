//! What is made to fail for real: processes killed, power cut, disks filled, bits turned over,
//! keychains gone, memory searched. `docs/faults.md` says what for.
//!
//! The programs here do the work that is interrupted, and tell each deed before and after it on
//! standard output; the tests in `tests/faults` interrupt them and look at what is left:
//! `faults-desk` is a whole workstation without a window, `faults-scribe` writes into a cache
//! alone, `faults-disk` is a file system that forgets.
//!
//! Never: a fault that the code under test is asked to make itself; never packaged.

pub mod chance;
pub mod desk;
pub mod disk;
pub mod scribe;
