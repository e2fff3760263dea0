//! The next page is asked for while one is being stored; the cursor moves with what is stored.

#![allow(clippy::unwrap_used, missing_docs)]

use jiff::{SignedDuration, Timestamp};
use protocol::sync::SyncPage;
use sync::{Config, Engine, Failure, Fault, Input, Operation, Setup, Ticket, Waiting};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// What the engine asks for, by kind.
#[derive(Debug, PartialEq)]
enum Asked {
    Audit(Ticket),
    Upload(Ticket),
    Page(Ticket, Option<String>),
    Apply(Ticket, String),
    StartOver(Ticket),
}

/// An engine and what it asked for last.
struct Course {
    engine: Engine,
    asked: Vec<Asked>,
    wake_at: Option<Timestamp>,
}

impl Course {
    /// Up to the first page's request.
    fn fetching() -> Self {
        let mut course = Self {
            engine: Engine::new(Setup::default(), Config::default(), 1),
            asked: Vec::new(),
            wake_at: None,
        };
        course.tell(Input::Start);
        course.nothing_to_send();
        course
    }

    fn tell(&mut self, input: Input) {
        self.tell_at(input, NOW);
    }

    fn tell_at(&mut self, input: Input, now: Timestamp) {
        self.asked.clear();
        for operation in self.engine.step(input, now) {
            match operation {
                Operation::SendAudit(ticket) => self.asked.push(Asked::Audit(ticket)),
                Operation::SendUpload(ticket) => self.asked.push(Asked::Upload(ticket)),
                Operation::FetchPage(ticket, cursor) => {
                    self.asked.push(Asked::Page(ticket, cursor));
                }
                Operation::Apply(ticket, page) => {
                    self.asked.push(Asked::Apply(ticket, page.cursor));
                }
                Operation::StartOver(ticket) => self.asked.push(Asked::StartOver(ticket)),
                Operation::WakeAt(at) => self.wake_at = Some(at),
                _ => {}
            }
        }
    }

    fn nothing_to_send(&mut self) {
        for _ in 0..2 {
            let [Asked::Audit(ticket) | Asked::Upload(ticket)] = self.asked[..] else {
                panic!("{:?}", self.asked);
            };
            self.tell(Input::Nothing(ticket));
        }
    }

    /// The one request for a page, and the cursor it was made with.
    fn request(&self) -> (Ticket, Option<&str>) {
        let mut pages = self.asked.iter().filter_map(|asked| match asked {
            Asked::Page(ticket, cursor) => Some((*ticket, cursor.as_deref())),
            _ => None,
        });
        let page = pages.next().unwrap();
        assert!(pages.next().is_none(), "{:?}", self.asked);
        page
    }

    /// The page that is to be stored.
    fn storing(&self) -> (Ticket, &str) {
        let mut pages = self.asked.iter().filter_map(|asked| match asked {
            Asked::Apply(ticket, cursor) => Some((*ticket, cursor.as_str())),
            _ => None,
        });
        pages.next().unwrap()
    }

    fn stored(&mut self, ticket: Ticket) {
        self.tell(Input::Stored(ticket, Waiting::default()));
    }

    /// Page 1 is being stored, page 2 was asked for.
    fn one_stored_two_asked() -> (Self, Ticket, Ticket) {
        let mut course = Self::fetching();
        let (first, cursor) = course.request();
        assert_eq!(cursor, None);
        course.tell(Input::PageArrived(first, page("1", true)));
        let ((storing, one), (second, after)) = (course.storing(), course.request());
        assert_eq!((one, after), ("1", Some("1")));
        (course, storing, second)
    }
}

fn page(cursor: &str, more: bool) -> SyncPage {
    SyncPage {
        cursor: cursor.to_owned(),
        entries: Vec::new(),
        more,
        remaining: 0,
        scope: None,
        life: None,
        links: None,
    }
}

#[test]
fn s4_the_cursor_moves_with_what_is_stored() {
    let (mut course, storing, second) = Course::one_stored_two_asked();
    course.tell(Input::PageArrived(second, page("2", true)));
    assert_eq!(course.asked, [], "one page is stored at a time");
    assert_eq!(course.engine.cursor(), None, "nothing is stored yet");
    course.stored(storing);
    assert_eq!(course.engine.cursor(), Some("1"));
    assert_eq!(course.storing().1, "2");
    assert_eq!(course.request().1, Some("2"));
}

#[test]
fn s4_a_page_that_comes_after_its_turn_is_waited_for() {
    let (mut course, storing, second) = Course::one_stored_two_asked();
    course.stored(storing);
    assert_eq!(course.asked, [], "it is not asked for twice");
    let due = course.wake_at.unwrap();
    assert_eq!(due, NOW + Config::default().request_timeout);
    course.tell(Input::PageArrived(second, page("2", false)));
    let (storing, two) = course.storing();
    assert_eq!(two, "2");
    course.stored(storing);
    assert_eq!(course.engine.cursor(), Some("2"));
}

#[test]
fn s4_a_page_that_never_comes_is_given_up_in_time() {
    let (mut course, storing, second) = Course::one_stored_two_asked();
    course.stored(storing);
    let due = course.wake_at.unwrap();
    course.tell_at(Input::Woke, due);
    assert_eq!(
        course.engine.state().connection,
        sync::Connection::Offline,
        "no answer is no network"
    );
    course.tell_at(Input::PageArrived(second, page("2", true)), due);
    assert_eq!(course.asked, [], "late is never");
    assert_eq!(course.engine.cursor(), Some("1"));
}

#[test]
fn s4_a_page_that_is_not_stored_takes_the_next_one_with_it() {
    let (mut course, storing, second) = Course::one_stored_two_asked();
    course.tell(Input::PageArrived(second, page("2", true)));
    course.tell(Input::StoreFailed(storing, "disk-full".to_owned()));
    assert_eq!(course.engine.cursor(), None);
    let wake = course.wake_at.unwrap();
    course.tell_at(Input::Woke, wake);
    course.nothing_to_send();
    assert_eq!(course.request().1, None, "from where it is stored");
}

#[test]
fn s4_what_went_wrong_with_the_next_page_is_told_in_its_turn() {
    let (mut course, storing, second) = Course::one_stored_two_asked();
    course.tell(Input::Failed(second, Failure::CursorGone));
    assert_eq!(course.asked, []);
    course.stored(storing);
    assert!(
        matches!(course.asked[..], [Asked::StartOver(_)]),
        "{:?}",
        course.asked
    );
    let (mut course, storing, second) = Course::one_stored_two_asked();
    course.tell(Input::Failed(
        second,
        Failure::Rejected("too-large".to_owned()),
    ));
    assert_eq!(course.engine.state().fault, None);
    course.stored(storing);
    assert!(matches!(
        course.engine.state().fault,
        Some(Fault::Rejected { .. })
    ));
    assert_eq!(course.engine.cursor(), Some("1"));
}

#[test]
fn s4_what_was_written_here_goes_before_the_page_that_is_here_already() {
    let (mut course, storing, second) = Course::one_stored_two_asked();
    course.tell(Input::PageArrived(second, page("2", true)));
    course.tell(Input::Changed(Waiting {
        to_send: 1,
        ..Waiting::default()
    }));
    course.stored(storing);
    assert!(matches!(course.asked[..], [Asked::Audit(_)]));
    course.nothing_to_send();
    assert_eq!(course.request().1, Some("1"), "asked for again");
}

#[test]
fn a_filling_that_is_stopped_asks_for_no_more() {
    let (mut course, storing, second) = Course::one_stored_two_asked();
    course.tell(Input::StopFill);
    course.tell(Input::PageArrived(second, page("2", true)));
    course.stored(storing);
    assert!(matches!(course.asked[..], [Asked::Audit(_)]));
    assert_eq!(course.engine.cursor(), Some("1"));
    // Taken up again, it goes on from there.
    let mut course = Course::fetching();
    let (first, _) = course.request();
    course.tell(Input::StopFill);
    course.tell(Input::PageArrived(first, page("1", true)));
    assert_eq!(course.asked.len(), 1, "stored, and nothing asked for ahead");
    course.stored(course.storing().0);
    let [Asked::Audit(ticket)] = course.asked[..] else {
        panic!("{:?}", course.asked);
    };
    course.tell(Input::Nothing(ticket));
    course.tell_at(Input::ResumeFill, NOW + SignedDuration::from_secs(1));
    course.nothing_to_send();
    assert_eq!(course.request().1, Some("1"));
}
