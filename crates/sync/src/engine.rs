//! The state machine.

use jiff::{SignedDuration, Timestamp};
use protocol::audit::AuditReceipt;
use protocol::sync::SyncPage;
use protocol::upload::UploadReply;

use crate::ahead::Ahead;
use crate::backoff::Backoff;
use crate::message::{Failure, Input, Operation, Ticket};
use crate::state::{Connection, Fault, FirstFill, Stage, State, Waiting};

/// Times.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// Ask the server at least this often, pushed or not.
    pub poll: SignedDuration,
    /// Count a request as failed after this long.
    pub request_timeout: SignedDuration,
    /// Wait about this long after a first failure.
    pub first_wait: SignedDuration,
    /// Never wait longer than this after failures.
    pub longest_wait: SignedDuration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            poll: SignedDuration::from_mins(1),
            request_timeout: SignedDuration::from_mins(2),
            first_wait: SignedDuration::from_secs(1),
            longest_wait: SignedDuration::from_mins(2),
        }
    }
}

/// What the store knew when the engine was made.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// Position in the feed.
    pub cursor: Option<String>,
    /// Whether the feed was read to its end once.
    pub filled: bool,
    /// Whether the user had stopped the first filling.
    pub fill_stopped: bool,
    /// Entries stored so far.
    pub stored: u64,
    /// The server's last estimate of what is to come.
    pub remaining: u64,
    /// When nothing was left, last.
    pub confirmed_at: Option<Timestamp>,
    /// What waits.
    pub waiting: Waiting,
}

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Not started, or stopped.
    Off,
    /// Nothing to do until something happens.
    Idle,
    /// Waits for an answer from the server or the store. `last`: after the pages.
    Audit {
        last: bool,
    },
    Upload,
    Fetch,
}

/// What was asked for last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Nothing,
    /// A request: the server answers, or the time runs out.
    Server {
        ticket: Ticket,
        deadline: Timestamp,
    },
    /// The store: it always answers.
    Store {
        ticket: Ticket,
    },
}

/// More rounds than an outbox ever needs: somebody changes the same records all the time.
const UPLOAD_ROUNDS: u32 = 50;

/// The engine.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    backoff: Backoff,
    state: State,
    step: Step,
    asked: Asked,
    tickets: u64,
    cursor: Option<String>,
    /// The page being stored: its cursor counts once it is stored.
    page: Option<(String, u64, u64, bool)>,
    /// The page after it.
    ahead: Ahead,
    filled: bool,
    fill_stopped: bool,
    stored: u64,
    remaining: u64,
    /// Something was written here since the upload stage began.
    changed: bool,
    /// The server changed since the fetch stage began.
    pushed: bool,
    /// Last link acknowledged in this run: a receipt that does not move ends the stage.
    through: Option<u64>,
    /// Changes before the reply being stored; fates that settle nothing end the stage.
    rounds: u32,
    wake_at: Option<Timestamp>,
    /// The clock when `wake_at` was set. A clock that is before it was set back.
    wake_set: Timestamp,
    reported: Option<State>,
}

impl Engine {
    /// An engine that does nothing until [`Input::Start`]. `seed` spreads the waits.
    pub fn new(setup: Setup, config: Config, seed: u64) -> Self {
        let mut engine = Self {
            backoff: Backoff::new(config.first_wait, config.longest_wait, seed),
            config,
            state: State {
                connection: Connection::Connecting,
                stage: None,
                waiting: setup.waiting,
                confirmed_at: setup.confirmed_at,
                first: None,
                fault: None,
            },
            step: Step::Off,
            asked: Asked::Nothing,
            tickets: 0,
            cursor: setup.cursor,
            page: None,
            ahead: Ahead::Nothing,
            filled: setup.filled,
            fill_stopped: setup.fill_stopped,
            stored: setup.stored,
            remaining: setup.remaining,
            changed: false,
            pushed: false,
            through: None,
            rounds: 0,
            wake_at: None,
            wake_set: Timestamp::MIN,
            reported: None,
        };
        engine.refresh_first();
        engine
    }

    /// The state as it is.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The position in the feed after the last stored page.
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// Takes in what happened and answers what to do, in order.
    pub fn step(&mut self, input: Input, now: Timestamp) -> Vec<Operation> {
        let mut out = Vec::new();
        self.take(input, now, &mut out);
        self.state.stage = match self.step {
            Step::Off | Step::Idle => None,
            Step::Audit { .. } => Some(Stage::Audit),
            Step::Upload => Some(Stage::Upload),
            Step::Fetch => Some(Stage::Fetch),
        };
        self.refresh_first();
        if self.reported.as_ref() != Some(&self.state) {
            self.reported = Some(self.state.clone());
            // First: what follows may change the store, and then there is a new report.
            out.insert(0, Operation::Report(self.state.clone()));
        }
        out
    }

    fn take(&mut self, input: Input, now: Timestamp, out: &mut Vec<Operation>) {
        match input {
            Input::Start => {
                if self.step == Step::Off {
                    self.step = Step::Idle;
                    self.state.connection = Connection::Connecting;
                    self.begin_run(now, out);
                }
            }
            Input::Stop => {
                self.step = Step::Off;
                self.asked = Asked::Nothing;
                self.page = None;
                self.ahead = Ahead::Nothing;
                self.wake_at = None;
            }
            Input::SignedIn => {
                if self.state.connection == Connection::SignInNeeded {
                    self.state.connection = Connection::Connecting;
                }
                self.hurry(now, out);
            }
            Input::Changed(waiting) => {
                self.state.waiting = waiting;
                self.changed = true;
                self.hurry(now, out);
            }
            Input::Pushed => {
                self.pushed = true;
                self.hurry(now, out);
            }
            Input::StopFill => {
                self.fill_stopped = !self.filled;
            }
            Input::ResumeFill => {
                self.fill_stopped = false;
                self.pushed = true;
                self.hurry(now, out);
            }
            Input::Woke => self.woke(now, out),
            Input::Nothing(ticket) => {
                if self.answers(ticket) {
                    self.nothing_to_send(now, out);
                }
            }
            Input::AuditReplied(ticket, receipt) => {
                if self.answers(ticket) {
                    self.audit_replied(receipt, out);
                }
            }
            Input::UploadReplied(ticket, reply) => {
                if self.answers(ticket) {
                    self.upload_replied(reply, now, out);
                }
            }
            Input::PageArrived(ticket, page) => {
                if self.ahead.awaits(ticket) {
                    self.ahead = Ahead::Arrived(page);
                } else if self.answers(ticket) {
                    self.page_arrived(page, out);
                }
            }
            Input::Failed(ticket, failure) => {
                if self.ahead.awaits(ticket) {
                    self.ahead = Ahead::Failed(failure);
                } else if self.answers(ticket) {
                    self.failed(failure, now, out);
                }
            }
            Input::Stored(ticket, waiting) => {
                if self.answers(ticket) {
                    self.state.waiting = waiting;
                    self.stored(now, out);
                }
            }
            Input::StoredAnew(ticket, waiting) => {
                if self.answers(ticket) {
                    self.state.waiting = waiting;
                    // A page that showed it counts for nothing.
                    self.page = None;
                    self.forget_cursor();
                    // Also where this was the end of a run.
                    self.pushed = true;
                    self.stored(now, out);
                }
            }
            Input::StoredUnsettled(ticket, waiting) => {
                if self.answers(ticket) {
                    self.state.waiting = waiting;
                    self.pushed = true;
                    self.stored(now, out);
                }
            }
            Input::StoreFailed(ticket, code) => {
                if self.answers(ticket) {
                    self.page = None;
                    self.state.fault = Some(Fault::Storage(code));
                    self.wait(None, now, out);
                }
            }
        }
    }

    /// Whether this is the answer that is waited for; it is waited for no longer.
    fn answers(&mut self, ticket: Ticket) -> bool {
        let waited = match self.asked {
            Asked::Server { ticket, .. } | Asked::Store { ticket } => Some(ticket),
            Asked::Nothing => None,
        };
        let answers = waited == Some(ticket);
        if answers {
            self.asked = Asked::Nothing;
        }
        answers
    }

    fn next_ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    fn ask_server(&mut self, now: Timestamp, out: &mut Vec<Operation>) -> Ticket {
        let ticket = self.next_ticket();
        self.await_server(ticket, now, out);
        ticket
    }

    fn await_server(&mut self, ticket: Ticket, now: Timestamp, out: &mut Vec<Operation>) {
        let deadline = later(now, self.config.request_timeout);
        self.asked = Asked::Server { ticket, deadline };
        self.sleep_until(deadline, now, out);
    }

    fn ask_store(&mut self) -> Ticket {
        let ticket = self.next_ticket();
        self.asked = Asked::Store { ticket };
        ticket
    }

    fn begin_run(&mut self, now: Timestamp, out: &mut Vec<Operation>) {
        if self.state.connection == Connection::SignInNeeded {
            return;
        }
        self.changed = false;
        self.through = None;
        self.rounds = 0;
        self.send_audit(false, now, out);
    }

    /// Something happened that should not wait for a timer.
    fn hurry(&mut self, now: Timestamp, out: &mut Vec<Operation>) {
        self.backoff.reset();
        if self.step == Step::Idle {
            self.begin_run(now, out);
        }
    }

    fn woke(&mut self, now: Timestamp, out: &mut Vec<Operation>) {
        // A clock that was set back would make what is due wait for as long as it was set back.
        let set_back = now < self.wake_set;
        match (self.step, self.asked) {
            (Step::Off, _) => {}
            (_, Asked::Server { deadline, .. }) if set_back || now >= deadline => {
                // Whatever comes now is late: its ticket is not known any more.
                self.asked = Asked::Nothing;
                self.failed(Failure::Network, now, out);
            }
            (Step::Idle, _) => match self.wake_at {
                Some(due) if now < due && !set_back => out.push(Operation::WakeAt(due)),
                _ => self.begin_run(now, out),
            },
            (_, Asked::Server { deadline, .. }) => out.push(Operation::WakeAt(deadline)),
            _ => {}
        }
    }

    fn send_audit(&mut self, last: bool, now: Timestamp, out: &mut Vec<Operation>) {
        self.step = Step::Audit { last };
        let ticket = self.ask_server(now, out);
        out.push(Operation::SendAudit(ticket));
    }

    fn send_upload(&mut self, now: Timestamp, out: &mut Vec<Operation>) {
        self.step = Step::Upload;
        let ticket = self.ask_server(now, out);
        out.push(Operation::SendUpload(ticket));
    }

    fn fetch(&mut self, now: Timestamp, out: &mut Vec<Operation>) {
        if self.rests() {
            // Sending goes on; the filling waits for the user.
            self.send_audit(true, now, out);
            return;
        }
        self.step = Step::Fetch;
        let ticket = self.ask_server(now, out);
        out.push(Operation::FetchPage(ticket, self.cursor.clone()));
    }

    /// Whether the user had the first filling stopped.
    fn rests(&self) -> bool {
        self.fill_stopped && !self.filled
    }

    /// The current stage is done.
    fn next_stage(&mut self, now: Timestamp, out: &mut Vec<Operation>) {
        match self.step {
            Step::Off | Step::Idle => {}
            Step::Audit { last: false } => self.send_upload(now, out),
            Step::Upload => {
                self.pushed = false;
                self.fetch(now, out);
            }
            Step::Fetch => {
                self.through = None;
                self.send_audit(true, now, out);
            }
            Step::Audit { last: true } => self.end_run(now, out),
        }
    }

    fn end_run(&mut self, now: Timestamp, out: &mut Vec<Operation>) {
        self.backoff.reset();
        self.step = Step::Idle;
        let fetches = self.filled || !self.fill_stopped;
        if self.changed || (self.pushed && fetches) {
            self.begin_run(now, out);
            return;
        }
        if self.state.waiting.nothing() && self.filled && self.state.fault.is_none() {
            self.state.confirmed_at = Some(now);
            out.push(Operation::NoteConfirmed(now));
        }
        self.sleep_until(later(now, self.config.poll), now, out);
    }

    fn nothing_to_send(&mut self, now: Timestamp, out: &mut Vec<Operation>) {
        match self.step {
            Step::Audit { .. } | Step::Upload => {
                self.clear_rejection();
                self.next_stage(now, out);
            }
            Step::Off | Step::Idle | Step::Fetch => {}
        }
    }

    fn audit_replied(&mut self, receipt: AuditReceipt, out: &mut Vec<Operation>) {
        self.answered();
        self.clear_rejection();
        let moved = self.through.is_none_or(|through| receipt.through > through);
        self.through = Some(receipt.through);
        // A receipt that repeats itself is stored once more and then believed.
        self.rounds = if moved { 0 } else { UPLOAD_ROUNDS };
        let ticket = self.ask_store();
        out.push(Operation::SettleAudit(ticket, receipt));
    }

    fn upload_replied(&mut self, reply: UploadReply, now: Timestamp, out: &mut Vec<Operation>) {
        self.answered();
        self.clear_rejection();
        if reply.fates.is_empty() {
            // A server that tells no fate would be asked for ever.
            self.state.fault = Some(Fault::Unavailable);
            self.wait(None, now, out);
            return;
        }
        self.rounds += 1;
        let ticket = self.ask_store();
        out.push(Operation::SettleUpload(ticket, reply));
    }

    fn page_arrived(&mut self, page: SyncPage, out: &mut Vec<Operation>) {
        self.answered();
        self.clear_rejection();
        self.page = Some((
            page.cursor.clone(),
            page.entries.len() as u64,
            page.remaining,
            page.more,
        ));
        // Not where the run will turn to something else once this page is stored.
        let next = (page.more && !self.changed && !self.rests()).then(|| page.cursor.clone());
        let ticket = self.ask_store();
        out.push(Operation::Apply(ticket, page));
        if let Some(cursor) = next {
            let ticket = self.next_ticket();
            self.ahead = Ahead::Asked(ticket);
            out.push(Operation::FetchPage(ticket, Some(cursor)));
        }
    }

    /// The store did what it was asked for.
    fn stored(&mut self, now: Timestamp, out: &mut Vec<Operation>) {
        if matches!(self.state.fault, Some(Fault::Storage(_))) {
            self.state.fault = None;
        }
        match self.step {
            Step::Off | Step::Idle => {}
            Step::Audit { last } => {
                if self.state.waiting.audit_to_send > 0 && self.rounds < UPLOAD_ROUNDS {
                    self.send_audit(last, now, out);
                } else {
                    self.rounds = 0;
                    self.next_stage(now, out);
                }
            }
            Step::Upload => {
                if self.rounds < UPLOAD_ROUNDS {
                    self.send_upload(now, out);
                } else {
                    self.next_stage(now, out);
                }
            }
            Step::Fetch => self.page_stored(now, out),
        }
    }

    fn page_stored(&mut self, now: Timestamp, out: &mut Vec<Operation>) {
        let ahead = std::mem::take(&mut self.ahead);
        let Some((cursor, entries, remaining, more)) = self.page.take() else {
            self.forget_cursor();
            self.fetch(now, out);
            return;
        };
        self.cursor = Some(cursor);
        self.stored += entries;
        self.remaining = remaining;
        if !more {
            self.filled = true;
            self.fill_stopped = false;
            self.next_stage(now, out);
        } else if self.changed {
            // What was written here does not wait for the end of a long filling.
            self.begin_run(now, out);
        } else if self.rests() {
            self.fetch(now, out);
        } else {
            self.go_on(ahead, now, out);
        }
    }

    /// The feed is read from the beginning.
    fn forget_cursor(&mut self) {
        self.cursor = None;
        self.stored = 0;
        self.remaining = 0;
    }

    /// It is the turn of the page that was asked for ahead.
    fn go_on(&mut self, ahead: Ahead, now: Timestamp, out: &mut Vec<Operation>) {
        match ahead {
            Ahead::Nothing => self.fetch(now, out),
            Ahead::Asked(ticket) => self.await_server(ticket, now, out),
            Ahead::Arrived(page) => self.page_arrived(page, out),
            Ahead::Failed(failure) => self.failed(failure, now, out),
        }
    }

    fn failed(&mut self, failure: Failure, now: Timestamp, out: &mut Vec<Operation>) {
        match failure {
            Failure::Network => {
                self.state.connection = Connection::Offline;
                self.wait(None, now, out);
            }
            Failure::Untrusted => {
                self.state.connection = Connection::Offline;
                self.state.fault = Some(Fault::Untrusted);
                self.wait(None, now, out);
            }
            Failure::Unavailable { retry_after } => {
                self.answered();
                self.state.fault = Some(Fault::Unavailable);
                self.wait(retry_after, now, out);
            }
            Failure::SignInNeeded => {
                self.step = Step::Idle;
                self.wake_at = None;
                self.state.connection = Connection::SignInNeeded;
            }
            Failure::CursorGone if self.step == Step::Fetch => {
                self.answered();
                let ticket = self.ask_store();
                out.push(Operation::StartOver(ticket));
            }
            // What was to be sent was made in an earlier life: the pages come first.
            Failure::CursorGone if self.step == Step::Upload => {
                self.answered();
                self.next_stage(now, out);
            }
            Failure::CursorGone => {
                self.failed(Failure::Rejected("cursor-gone".to_owned()), now, out)
            }
            Failure::Rejected(code) => {
                self.answered();
                let stage = match self.step {
                    Step::Audit { .. } => Stage::Audit,
                    Step::Upload => Stage::Upload,
                    Step::Off | Step::Idle | Step::Fetch => Stage::Fetch,
                };
                self.state.fault = Some(Fault::Rejected { stage, code });
                if stage == Stage::Fetch {
                    self.wait(None, now, out);
                } else {
                    // One direction that is stuck does not stop the others.
                    self.next_stage(now, out);
                }
            }
        }
    }

    /// The server answered.
    fn answered(&mut self) {
        self.state.connection = Connection::Online;
        if matches!(
            self.state.fault,
            Some(Fault::Unavailable | Fault::Untrusted)
        ) {
            self.state.fault = None;
        }
    }

    /// This stage works: it was the one rejected before, if one was.
    fn clear_rejection(&mut self) {
        let current = match self.step {
            Step::Audit { .. } => Stage::Audit,
            Step::Upload => Stage::Upload,
            Step::Fetch => Stage::Fetch,
            Step::Off | Step::Idle => return,
        };
        if matches!(&self.state.fault, Some(Fault::Rejected { stage, .. }) if *stage == current) {
            self.state.fault = None;
        }
    }

    /// Ends the run; the next one comes after a wait.
    fn wait(&mut self, at_least: Option<u32>, now: Timestamp, out: &mut Vec<Operation>) {
        self.step = Step::Idle;
        self.page = None;
        self.ahead = Ahead::Nothing;
        let wait = self.backoff.next_wait();
        let least = SignedDuration::from_secs(i64::from(at_least.unwrap_or(0)));
        self.sleep_until(later(now, wait.max(least)), now, out);
    }

    fn sleep_until(&mut self, due: Timestamp, now: Timestamp, out: &mut Vec<Operation>) {
        self.wake_at = Some(due);
        self.wake_set = now;
        out.push(Operation::WakeAt(due));
    }

    fn refresh_first(&mut self) {
        self.state.first = (!self.filled).then_some(FirstFill {
            done: self.stored,
            total: self.stored + self.remaining,
            stopped: self.fill_stopped,
        });
    }
}

fn later(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}
