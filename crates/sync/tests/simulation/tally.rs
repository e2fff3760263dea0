//! What went wrong in a course of events.

/// What went wrong, over all seeds.
#[derive(Debug, Default)]
pub struct Tally {
    pub crashes: u64,
    pub lost_requests: u64,
    pub lost_replies: u64,
    pub doubled: u64,
    pub late: u64,
    pub failed_stores: u64,
    pub repeated_uploads: u64,
    pub conflict_replies: u64,
    pub settled_by_hand: u64,
    pub refusals: u64,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        self.crashes += other.crashes;
        self.lost_requests += other.lost_requests;
        self.lost_replies += other.lost_replies;
        self.doubled += other.doubled;
        self.late += other.late;
        self.failed_stores += other.failed_stores;
        self.repeated_uploads += other.repeated_uploads;
        self.conflict_replies += other.conflict_replies;
        self.settled_by_hand += other.settled_by_hand;
        self.refusals += other.refusals;
    }

    pub fn counted(&self) -> [(&'static str, u64); 10] {
        [
            ("crash", self.crashes),
            ("lost request", self.lost_requests),
            ("lost reply", self.lost_replies),
            ("doubled reply", self.doubled),
            ("late reply", self.late),
            ("failed store", self.failed_stores),
            ("repeated upload", self.repeated_uploads),
            ("conflict reply", self.conflict_replies),
            ("settled by hand", self.settled_by_hand),
            ("refusal", self.refusals),
        ]
    }
}
