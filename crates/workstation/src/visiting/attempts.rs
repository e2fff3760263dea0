//! How often a call is begun before the user is asked. No IO, no clock.

/// So many connections in a row that came to nothing are enough: with the patience that each of
/// them is given, this is told after a minute.
const ENOUGH: u32 = 5;

/// What follows on a connection that came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Another one.
    Again,
    /// The user is told, and offered to begin the call again.
    GiveUp,
}

/// The connections of one call.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Attempts {
    in_vain: u32,
}

impl Attempts {
    /// The two sides are connected: whatever breaks later begins at nought.
    pub(super) fn connected(&mut self) {
        self.in_vain = 0;
    }

    /// A connection came to nothing.
    pub(super) fn failed(&mut self) -> Next {
        self.in_vain += 1;
        if self.in_vain >= ENOUGH {
            self.in_vain = 0;
            Next::GiveUp
        } else {
            Next::Again
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t2_a_call_that_never_comes_about_is_told_and_may_be_begun_again() {
        let mut attempts = Attempts::default();
        for _ in 0..3 {
            let mut tries = 1;
            while attempts.failed() == Next::Again {
                tries += 1;
            }
            assert_eq!(tries, ENOUGH);
        }
    }

    #[test]
    fn t2_a_call_that_stood_is_taken_up_as_often_as_it_breaks() {
        let mut attempts = Attempts::default();
        for _ in 0..100 {
            assert_eq!(attempts.failed(), Next::Again);
            attempts.connected();
        }
    }
}
