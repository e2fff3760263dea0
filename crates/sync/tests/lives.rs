//! A server that was restored from a backup: what was read and made before does not count there.

#![allow(clippy::unwrap_used, missing_docs)]

use jiff::Timestamp;
use protocol::audit::AuditReceipt;
use sync::{Config, Engine, Failure, Input, Operation, Setup, Ticket, Waiting};

/// What the engine asks for, as a reply needs it.
#[derive(Debug)]
enum Asked {
    Audit(Ticket),
    SettleAudit(Ticket),
    Upload(Ticket),
    Page(Option<String>),
}

/// An engine that had read up to "old", and what it asked for last.
struct Course {
    engine: Engine,
    asked: Vec<Asked>,
}

impl Course {
    fn started() -> Self {
        let setup = Setup {
            cursor: Some("old".to_owned()),
            filled: true,
            ..Setup::default()
        };
        let mut course = Self {
            engine: Engine::new(setup, Config::default(), 1),
            asked: Vec::new(),
        };
        course.tell(Input::Start);
        course
    }

    fn tell(&mut self, input: Input) {
        self.asked.clear();
        for operation in self.engine.step(input, Timestamp::UNIX_EPOCH) {
            self.asked.extend(match operation {
                Operation::SendAudit(ticket) => Some(Asked::Audit(ticket)),
                Operation::SettleAudit(ticket, _) => Some(Asked::SettleAudit(ticket)),
                Operation::SendUpload(ticket) => Some(Asked::Upload(ticket)),
                Operation::FetchPage(_, cursor) => Some(Asked::Page(cursor)),
                _ => None,
            });
        }
    }
}

#[test]
fn s6_a_chain_that_the_server_lost_makes_the_feed_begin_again() {
    let mut course = Course::started();
    let [Asked::Audit(ticket)] = course.asked[..] else {
        panic!("{:?}", course.asked);
    };
    let receipt = AuditReceipt {
        through: 3,
        head: String::new(),
        countersignature: String::new(),
    };
    course.tell(Input::AuditReplied(ticket, receipt));
    let [Asked::SettleAudit(ticket)] = course.asked[..] else {
        panic!("{:?}", course.asked);
    };
    course.tell(Input::StoredAnew(ticket, Waiting::default()));
    assert_eq!(course.engine.cursor(), None);
    let [Asked::Upload(ticket)] = course.asked[..] else {
        panic!("{:?}", course.asked);
    };
    course.tell(Input::Nothing(ticket));
    let [Asked::Page(None)] = &course.asked[..] else {
        panic!("{:?}", course.asked);
    };
}

#[test]
fn s6_changes_of_a_lost_life_wait_for_the_pages() {
    let mut course = Course::started();
    let [Asked::Audit(ticket)] = course.asked[..] else {
        panic!("{:?}", course.asked);
    };
    course.tell(Input::Nothing(ticket));
    let [Asked::Upload(ticket)] = course.asked[..] else {
        panic!("{:?}", course.asked);
    };
    course.tell(Input::Failed(ticket, Failure::CursorGone));
    // The pages tell what to do about it; nothing stands in the way.
    let [Asked::Page(Some(_))] = &course.asked[..] else {
        panic!("{:?}", course.asked);
    };
    assert_eq!(course.engine.state().fault, None);
}
