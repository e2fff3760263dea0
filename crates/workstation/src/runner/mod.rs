//! Carries out what the sync engine asks for: requests on tokio, storing where blocking is
//! allowed. Decides nothing about sync itself.

mod comparing;
mod execute;
mod handing;
mod line;
mod listen;
mod renewing;
mod room;
mod state_view;
mod witnessing;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use protocol::secret::Secret;
use protocol::sign_in::SessionGrant;
use sync::{Config, Engine, Input, Operation, Setup, State, Waiting};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::door::Door;
use crate::error::WorkError;
use crate::lease::LeaseKeeper;
use crate::notice::{Notice, Notices};
use crate::port::Ports;
use crate::rehearsal::Rehearsal;
use crate::view::fault::Fault;
use crate::view::session::{LedgerView, SyncView};

pub(crate) use line::Line;

/// Views are recorded one by one; their audit links are sent together after a pause.
const GATHER: Duration = Duration::from_secs(2);

/// What the rest of the program tells the runner.
pub(crate) enum Poke {
    /// A change was made here.
    Written,
    /// An access was recorded here.
    Recorded,
    /// The server changed, or somebody wants to know.
    Pushed,
    /// The user typed the password again.
    SignIn(Secret),
    /// The user signed in with the organisation.
    SignedIn(Box<SessionGrant>),
    /// Stop the first filling.
    StopFill,
    /// Take it up again.
    ResumeFill,
    /// Time went on, or a rehearsal began or ended: what is said of it changes.
    Clock,
}

/// A running runner. Dropping it stops it.
pub(crate) struct Runner {
    pokes: mpsc::UnboundedSender<Poke>,
    view: watch::Receiver<SyncView>,
    runs: watch::Receiver<u64>,
    task: JoinHandle<()>,
    listener: JoinHandle<()>,
}

/// What a runner stands on.
pub(crate) struct Ground {
    pub door: Door,
    pub ports: Ports,
    pub notices: Notices,
    pub line: Line,
    pub lease: LeaseKeeper,
    /// What happened while opening; told for as long as nothing more pressing is.
    pub notice: Option<Fault>,
    pub rehearsal: Rehearsal,
    /// Called when the first filling ends and when the server sent a new identity.
    pub session_changed: Arc<dyn Fn() + Send + Sync>,
}

impl Runner {
    /// Reads where things stand and starts.
    pub(crate) async fn start(ground: Ground) -> Result<Self, WorkError> {
        let setup = ground.door.work(|desk| Ok(setup(desk)?)).await?;
        let mut seed = [0; 8];
        ground.ports.entropy.fill(&mut seed)?;
        let engine = Engine::new(setup, Config::default(), u64::from_le_bytes(seed));
        let zone = ground
            .door
            .work(|desk| Ok(desk.identity.zone.clone()))
            .await?;
        let ledger = witnessing::known(&ground.door).await?;
        let lease = ground.lease.view(ground.ports.clock.now(), &zone);
        let notice = ground.notice.clone();
        let view = SyncView {
            rehearsal: ground.rehearsal.view(&zone),
            ..state_view::view(engine.state(), notice, ledger.clone(), lease, &zone)
        };
        let (view_sender, view) = watch::channel(view);
        let (run_sender, runs) = watch::channel(0);
        let (pokes, inbox) = mpsc::unbounded_channel();
        let listener = tokio::spawn(listen::listen(
            ground.ports.server.clone(),
            ground.line.sessions(),
            pokes.clone(),
        ));
        let course = Course {
            engine,
            pokes: pokes.downgrade(),
            ground,
            zone,
            view: view_sender,
            runs: run_sender,
            busy: false,
            ledger,
            looking: Looking::Rests,
            duplicates: 0,
            is_compare_due: true,
            is_comparing: false,
        };
        let task = tokio::spawn(course.run(inbox));
        Ok(Self {
            pokes,
            view,
            runs,
            task,
            listener,
        })
    }

    pub(crate) fn poke(&self, poke: Poke) {
        // A runner that has ended is being replaced.
        let _ = self.pokes.send(poke);
    }

    /// For those who poke without holding the runner.
    pub(crate) fn pokes(&self) -> mpsc::UnboundedSender<Poke> {
        self.pokes.clone()
    }

    pub(crate) fn view(&self) -> SyncView {
        self.view.borrow().clone()
    }

    /// The view as it changes.
    pub(crate) fn views(&self) -> watch::Receiver<SyncView> {
        self.view.clone()
    }

    /// Until the runner whose views these are works no more.
    pub(crate) async fn ended(mut views: watch::Receiver<SyncView>) {
        while views.changed().await.is_ok() {}
    }

    /// How many runs have ended, well or not.
    pub(crate) fn runs(&self) -> watch::Receiver<u64> {
        self.runs.clone()
    }

    /// Stops and waits until nothing of it runs, so that its keys are gone.
    pub(crate) async fn stop(mut self) {
        self.task.abort();
        self.listener.abort();
        // An aborted task answers with an error that says so.
        let _ = (&mut self.task).await;
        let _ = (&mut self.listener).await;
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.task.abort();
        self.listener.abort();
    }
}

fn setup(desk: &crate::desk::Desk) -> Result<Setup, cache::StoreError> {
    desk.cache.read(|cache| {
        let position = cache.position()?;
        Ok(Setup {
            cursor: position.cursor,
            filled: position.filled,
            fill_stopped: false,
            stored: position.stored,
            remaining: position.remaining,
            confirmed_at: position.confirmed_at,
            waiting: waiting(cache)?,
        })
    })
}

/// What waits, as the engine counts it.
fn waiting(cache: &cache::Reading<'_>) -> Result<Waiting, cache::StoreError> {
    let counts = cache.counts()?;
    Ok(Waiting {
        to_send: counts.to_send,
        audit_to_send: counts.audit_to_send,
        needs_you: counts.needs_you(),
    })
}

/// The loop's state.
struct Course {
    engine: Engine,
    /// Weak: the loop ends when nobody else can poke.
    pokes: mpsc::WeakUnboundedSender<Poke>,
    ground: Ground,
    zone: jiff::tz::TimeZone,
    view: watch::Sender<SyncView>,
    runs: watch::Sender<u64>,
    busy: bool,
    ledger: LedgerView,
    looking: Looking,
    /// Pairs of records that are likely one person's.
    duplicates: u32,
    /// Whether patients came or changed since they were compared last.
    is_compare_due: bool,
    is_comparing: bool,
}

/// Whether the ledger is being looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Looking {
    Rests,
    Due,
    Runs,
}

/// What something that ran came to.
enum Done {
    /// The engine is told.
    Input(Input),
    /// The ledger was looked at.
    Ledger(Option<LedgerView>),
    /// Patients were compared; so many pairs wait.
    Compared(Option<u32>),
    /// Nobody is told.
    Nothing,
}

type Running = FuturesUnordered<BoxFuture<'static, Done>>;

/// Waits for something while what runs goes on. What runs may stand in line for the door, where
/// whoever comes later waits behind it: not to go on with it would be to wait for ever.
async fn beside<T>(
    running: &mut Running,
    finished: &mut Vec<Done>,
    work: impl Future<Output = T>,
) -> T {
    tokio::pin!(work);
    loop {
        tokio::select! {
            value = &mut work => return value,
            Some(done) = running.next(), if !running.is_empty() => finished.push(done),
        }
    }
}

impl Course {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Poke>) {
        let mut running: Running = FuturesUnordered::new();
        let mut wake: Option<Timestamp> = None;
        let mut gathering: Option<tokio::time::Instant> = None;
        let mut inputs = vec![Input::Start];
        let mut finished = Vec::new();
        loop {
            for input in inputs.drain(..) {
                self.step(input, &mut running, &mut wake);
            }
            let until_wake = wake.map(|at| self.until(at));
            let mut told = None;
            tokio::select! {
                Some(done) = running.next(), if !running.is_empty() => finished.push(done),
                poke = inbox.recv() => match poke {
                    None => return,
                    Some(Poke::Clock) => self.report_again(),
                    Some(Poke::Recorded) => {
                        gathering.get_or_insert_with(|| tokio::time::Instant::now() + GATHER);
                    }
                    Some(poke) => {
                        told = beside(&mut running, &mut finished, self.input(poke)).await;
                    }
                },
                () = sleep(until_wake) => {
                    wake = None;
                    inputs.push(Input::Woke);
                }
                () = sleep_until(gathering) => {
                    gathering = None;
                    told = beside(&mut running, &mut finished, self.changed()).await;
                }
            }
            for done in finished.drain(..) {
                match done {
                    Done::Input(input) => inputs.push(input),
                    Done::Ledger(seen) => self.looked(seen),
                    Done::Compared(pairs) => self.compared(pairs, &running),
                    Done::Nothing => {}
                }
            }
            // Last: it was counted last.
            inputs.extend(told);
        }
    }

    fn until(&self, at: Timestamp) -> Duration {
        let wait = at.duration_since(self.ground.ports.clock.now());
        // A clock that was set back must not stop sync for hours.
        wait.max(jiff::SignedDuration::ZERO)
            .unsigned_abs()
            .min(Duration::from_secs(300))
    }

    fn step(&mut self, input: Input, running: &mut Running, wake: &mut Option<Timestamp>) {
        let now = self.ground.ports.clock.now();
        for operation in self.engine.step(input, now) {
            match operation {
                Operation::WakeAt(at) => *wake = Some(at),
                Operation::Report(state) => self.report(&state),
                operation => {
                    let executed = execute::execute(&self.ground, operation);
                    running.push(Box::pin(async move {
                        executed.await.map_or(Done::Nothing, Done::Input)
                    }));
                }
            }
        }
        self.compare_if_due(running);
        if self.looking == Looking::Due {
            self.looking = Looking::Runs;
            let renew = renewing::renew(&self.ground);
            let make_room = room::make(&self.ground);
            let hand_over = handing::hand_over(&self.ground, self.pokes.clone());
            let look = witnessing::look(&self.ground);
            running.push(Box::pin(async move {
                renew.await;
                hand_over.await;
                make_room.await;
                Done::Ledger(look.await)
            }));
        }
    }

    /// The ledger was looked at; the screen is told if that is news.
    fn looked(&mut self, seen: Option<LedgerView>) {
        self.looking = Looking::Rests;
        if let Some(seen) = seen {
            self.ledger = seen;
        }
        self.report_again();
    }

    /// Patients are compared one step at a time beside all else; what comes meanwhile is due.
    fn compare_if_due(&mut self, running: &Running) {
        // While the cache is filled the first time, most are still to come.
        let filling = self.view.borrow().first.is_some();
        if self.is_compare_due && !self.is_comparing && !filling {
            self.is_compare_due = false;
            self.is_comparing = true;
            let compare = comparing::compare(&self.ground);
            running.push(Box::pin(async move { Done::Compared(compare.await) }));
        }
    }

    fn compared(&mut self, pairs: Option<u32>, running: &Running) {
        self.is_comparing = false;
        if let Some(pairs) = pairs
            && pairs != self.duplicates
        {
            self.duplicates = pairs;
            self.report_again();
        }
        self.compare_if_due(running);
    }

    fn report_again(&mut self) {
        let state = self.engine.state().clone();
        self.report(&state);
    }

    async fn input(&mut self, poke: Poke) -> Option<Input> {
        match poke {
            Poke::Written => {
                self.is_compare_due = true;
                self.changed().await
            }
            Poke::Recorded => self.changed().await,
            Poke::Pushed => Some(Input::Pushed),
            Poke::SignIn(password) => {
                self.ground.line.give_password(password);
                Some(Input::SignedIn)
            }
            Poke::SignedIn(grant) => {
                self.ground.line.give_grant(grant);
                Some(Input::SignedIn)
            }
            Poke::StopFill => Some(Input::StopFill),
            Poke::ResumeFill => Some(Input::ResumeFill),
            Poke::Clock => None,
        }
    }

    async fn changed(&self) -> Option<Input> {
        let counted = self
            .ground
            .door
            .work(|desk| Ok(desk.cache.read(waiting)?))
            .await;
        counted.ok().map(Input::Changed)
    }

    fn report(&mut self, state: &State) {
        let mut view = state_view::view(
            state,
            self.ground.line.fault(),
            self.ledger.clone(),
            self.ground
                .lease
                .view(self.ground.ports.clock.now(), &self.zone),
            &self.zone,
        );
        view.fault = view.fault.or_else(|| self.ground.notice.clone());
        view.rehearsal = self.ground.rehearsal.view(&self.zone);
        view.duplicates = self.duplicates;
        let was_filling = self.view.borrow().first.is_some();
        let is_filling = view.first.is_some();
        let changed = self.view.send_if_modified(|known| {
            let changed = *known != view;
            known.clone_from(&view);
            changed
        });
        if changed {
            self.ground.notices.send(Notice::Sync(view));
        }
        if was_filling != is_filling {
            (self.ground.session_changed)();
        }
        let busy = state.stage.is_some();
        if self.busy && !busy {
            self.runs.send_modify(|runs| *runs += 1);
            self.is_compare_due = true;
            let went_well = state.connection == sync::Connection::Online && state.fault.is_none();
            if went_well && self.looking == Looking::Rests {
                self.looking = Looking::Due;
            }
        }
        self.busy = busy;
    }
}

async fn sleep(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::sync::RwLock;

    use super::*;

    /// A new session asks for the door to write; whoever asks after it waits behind it.
    #[tokio::test]
    async fn what_stands_in_line_for_the_door_goes_on_while_something_is_counted() {
        let door = Arc::new(RwLock::new(()));
        let held = door.clone().read_owned().await;
        let mut running = Running::new();
        let renewing = door.clone();
        running.push(Box::pin(async move {
            let _alone = renewing.write().await;
            Done::Nothing
        }));
        assert!(running.next().now_or_never().is_none());
        drop(held);
        let mut finished = Vec::new();
        let counting = async {
            let _beside_others = door.read().await;
            7
        };
        let counted = tokio::time::timeout(
            Duration::from_secs(60),
            beside(&mut running, &mut finished, counting),
        );
        assert_eq!(counted.await, Ok(7));
        assert_eq!(finished.len(), 1);
    }
}
