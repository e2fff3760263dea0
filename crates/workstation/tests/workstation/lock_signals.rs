//! The desktop's own lock and the computer's sleep, on a bus of our own where a stand-in for
//! logind speaks.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use workstation::Workstation;
use workstation::adapter::lock_signals::{Buses, watch};
use workstation::view::note::DraftForm;
use workstation::view::session::Phase;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::{ObjectPath, OwnedFd, OwnedObjectPath};
use zbus::{Connection, connection, interface};

use crate::mock::{Bench, unlock_form};
use crate::records::clinic;

const MANAGER: &str = "/org/freedesktop/login1";
const OURS: &str = "/org/freedesktop/login1/session/_31";
const OTHERS: &str = "/org/freedesktop/login1/session/_32";

/// A bus that ends with the test.
struct Bus {
    daemon: Child,
    address: String,
}

impl Bus {
    fn start() -> Option<Self> {
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--print-address=1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut address = String::new();
        BufReader::new(daemon.stdout.as_mut()?)
            .read_line(&mut address)
            .ok()?;
        Some(Self {
            daemon,
            address: address.trim().to_owned(),
        })
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// logind, as far as we ask it.
#[derive(Clone, Default)]
struct Logind {
    /// Our ends of the inhibitors: they read nothing until the other end is closed.
    inhibitors: Arc<Mutex<Vec<std::io::PipeReader>>>,
}

#[interface(name = "org.freedesktop.login1.Manager")]
impl Logind {
    #[zbus(name = "GetSessionByPID")]
    fn get_session_by_pid(&self, _pid: u32) -> OwnedObjectPath {
        ObjectPath::from_static_str_unchecked(OURS).into()
    }

    fn inhibit(&self, what: &str, _who: &str, _why: &str, mode: &str) -> OwnedFd {
        assert_eq!((what, mode), ("sleep", "delay"));
        let (ours, theirs) = std::io::pipe().unwrap();
        self.inhibitors.lock().unwrap().push(ours);
        std::os::fd::OwnedFd::from(theirs).into()
    }

    #[zbus(signal)]
    async fn prepare_for_sleep(emitter: &SignalEmitter<'_>, start: bool) -> zbus::Result<()>;
}

struct Session;

#[interface(name = "org.freedesktop.login1.Session")]
impl Session {
    #[zbus(signal)]
    async fn lock(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;
}

/// A workstation that listens to a logind of ours.
struct Seat {
    bench: Bench,
    logind: Logind,
    bus: Connection,
    watch: tokio::task::JoinHandle<()>,
    _daemon: Bus,
}

impl Seat {
    async fn taken() -> Option<Self> {
        let Some(daemon) = Bus::start() else {
            eprintln!("skipped: there is no dbus-daemon");
            return None;
        };
        let logind = Logind::default();
        let bus = connection::Builder::address(daemon.address.as_str())
            .unwrap()
            .name("org.freedesktop.login1")
            .unwrap()
            .serve_at(MANAGER, logind.clone())
            .unwrap()
            .serve_at(OURS, Session)
            .unwrap()
            .serve_at(OTHERS, Session)
            .unwrap()
            .build()
            .await
            .unwrap();
        let bench = Bench::enrolled(clinic()).await;
        let buses = Buses {
            system: Some(daemon.address.clone()),
            session: Some(daemon.address.clone()),
        };
        let watch = tokio::spawn(watch(bench.workstation.clone(), buses));
        let seat = Self {
            bench,
            logind,
            bus,
            watch,
            _daemon: daemon,
        };
        // It asks for the inhibitor last: then it listens.
        seat.until(|| seat.held() == 1).await;
        Some(seat)
    }

    fn held(&self) -> usize {
        self.logind.inhibitors.lock().unwrap().len()
    }

    async fn until(&self, is_so: impl Fn() -> bool) {
        for _ in 0..12000 {
            if is_so() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it did not come to be");
    }

    async fn phase(&self) -> Phase {
        phase(&self.bench.workstation).await
    }

    async fn locks(&self) {
        for _ in 0..12000 {
            if !self.bench.workstation.door().is_open().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it does not lock");
    }

    async fn unlock(&self) {
        let form = unlock_form("ada", "right");
        self.bench.workstation.unlock(form).await.unwrap();
    }

    fn emitter(&self, path: &'static str) -> SignalEmitter<'static> {
        SignalEmitter::new(&self.bus, path).unwrap().into_owned()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

async fn phase(workstation: &Workstation) -> Phase {
    workstation.session_view().await.unwrap().phase
}

#[tokio::test(flavor = "multi_thread")]
async fn w4_the_sessions_lock_locks_and_another_ones_does_not() {
    let Some(seat) = Seat::taken().await else {
        return;
    };
    let draft = DraftForm {
        id: None,
        patient: "p1".into(),
        subjective: "half a sen".into(),
        objective: String::new(),
        assessment: String::new(),
        plan: String::new(),
    };
    seat.bench.workstation.keep_draft(draft).await.unwrap();
    Session::lock(&seat.emitter(OTHERS)).await.unwrap();
    // Two signals more, each awaited: what came before them was dealt with.
    for held in [2, 3] {
        Logind::prepare_for_sleep(&seat.emitter(MANAGER), false)
            .await
            .unwrap();
        seat.until(|| seat.held() == held).await;
    }
    assert_eq!(seat.phase().await, Phase::Unlocked);
    Session::lock(&seat.emitter(OURS)).await.unwrap();
    seat.locks().await;
    let fault = seat.bench.workstation.draft("p1".into()).await.unwrap_err();
    assert_eq!(fault.code, "locked");
    seat.unlock().await;
    let draft = seat.bench.workstation.draft("p1".into()).await.unwrap();
    assert_eq!(draft.unwrap().subjective, "half a sen");
}

#[tokio::test(flavor = "multi_thread")]
async fn w4_sleep_waits_until_the_profile_is_locked() {
    let Some(seat) = Seat::taken().await else {
        return;
    };
    let mut inhibitor = seat.logind.inhibitors.lock().unwrap().remove(0);
    Logind::prepare_for_sleep(&seat.emitter(MANAGER), true)
        .await
        .unwrap();
    // Ends when the last copy of the other end is closed: from then on the computer may sleep.
    let workstation = seat.bench.workstation.clone();
    let at_that_moment = tokio::task::spawn_blocking(move || {
        inhibitor.read_to_end(&mut Vec::new()).unwrap();
        tokio::runtime::Handle::current().block_on(async {
            let is_open = workstation.door().is_open().await;
            (phase(&workstation).await, is_open)
        })
    });
    assert_eq!(at_that_moment.await.unwrap(), (Phase::Locked, false));
    // Awake again: the next sleep is held up as well.
    Logind::prepare_for_sleep(&seat.emitter(MANAGER), false)
        .await
        .unwrap();
    seat.until(|| seat.held() == 1).await;
    seat.unlock().await;
    assert_eq!(seat.phase().await, Phase::Unlocked);
}

#[tokio::test(flavor = "multi_thread")]
async fn w4_the_screen_savers_lock_locks() {
    let Some(seat) = Seat::taken().await else {
        return;
    };
    for name in ["org.gnome.ScreenSaver", "org.freedesktop.ScreenSaver"] {
        let path = "/org/gnome/ScreenSaver";
        // It listens to this one on another connection, which may not be there yet.
        for _ in 0..2400 {
            seat.bus
                .emit_signal(None::<&str>, path, name, "ActiveChanged", &true)
                .await
                .unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
            if seat.phase().await == Phase::Locked {
                break;
            }
        }
        assert_eq!(seat.phase().await, Phase::Locked, "{name}");
        seat.unlock().await;
    }
}
