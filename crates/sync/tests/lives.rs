//! A server that was restored from a backup: what was read and made before does not count there.

#![allow(clippy::unwrap_used, missing_docs)]

use jiff::Timestamp;
use protocol::audit::AuditReceipt;
use protocol::sync::SyncPage;
use sync::{Config, Engine, Failure, Input, Operation, Setup, Ticket, Waiting};

/// What the engine asks for, as a reply needs it.
#[derive(Debug)]
enum Asked {
    Audit(Ticket),
    SettleAudit(Ticket),
    Upload(Ticket),
    Page(Ticket, Option<String>),
    Apply(Ticket),
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

    /// Nothing is to be sent, and a page comes; the ticket under which it is to be stored.
    fn page(&mut self, more: bool) -> Ticket {
        loop {
            match self.asked[..] {
                [Asked::Audit(ticket) | Asked::Upload(ticket)] => self.tell(Input::Nothing(ticket)),
                [Asked::Page(ticket, _)] => self.tell(Input::PageArrived(
                    ticket,
                    SyncPage {
                        cursor: "new".to_owned(),
                        entries: Vec::new(),
                        more,
                        remaining: 0,
                        scope: None,
                        life: None,
                        links: None,
                    },
                )),
                [Asked::Apply(ticket), ..] => return ticket,
                _ => panic!("{:?}", self.asked),
            }
        }
    }

    fn tell(&mut self, input: Input) {
        self.asked.clear();
        for operation in self.engine.step(input, Timestamp::UNIX_EPOCH) {
            self.asked.extend(match operation {
                Operation::SendAudit(ticket) => Some(Asked::Audit(ticket)),
                Operation::SettleAudit(ticket, _) => Some(Asked::SettleAudit(ticket)),
                Operation::SendUpload(ticket) => Some(Asked::Upload(ticket)),
                Operation::FetchPage(ticket, cursor) => Some(Asked::Page(ticket, cursor)),
                Operation::Apply(ticket, _) => Some(Asked::Apply(ticket)),
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
    let [Asked::Page(_, None)] = &course.asked[..] else {
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
    let [Asked::Page(_, Some(_))] = &course.asked[..] else {
        panic!("{:?}", course.asked);
    };
    assert_eq!(course.engine.state().fault, None);
}

#[test]
fn s6_a_page_of_a_server_that_was_restored_makes_the_feed_begin_again() {
    for more in [false, true] {
        let mut course = Course::started();
        let ticket = course.page(more);
        course.tell(Input::StoredAnew(ticket, Waiting::default()));
        assert_eq!(course.engine.cursor(), None);
        let [Asked::Page(_, None)] = &course.asked[..] else {
            panic!("{:?}", course.asked);
        };
    }
}

#[test]
fn s5_a_feed_that_must_end_once_more_is_asked_at_once() {
    let mut course = Course::started();
    let ticket = course.page(false);
    course.tell(Input::StoredUnsettled(ticket, Waiting::default()));
    let ticket = course.page(false);
    assert_eq!(
        course.engine.state().confirmed_at,
        None,
        "nothing is certain"
    );
    course.tell(Input::Stored(ticket, Waiting::default()));
    let [Asked::Audit(ticket)] = course.asked[..] else {
        panic!("{:?}", course.asked);
    };
    course.tell(Input::Nothing(ticket));
    assert!(course.asked.is_empty(), "{:?}", course.asked);
    assert!(course.engine.state().is_up_to_date());
}
